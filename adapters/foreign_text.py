r"""Foreign text: what an implementation, a program, a package, a report or an allow file says, made harmless.

A judged implementation chooses the texts of its exceptions, notes and names. A terminal would obey some of them: an
escape sequence erases a line, a carriage return overwrites it, a bidirectional override turns it round, a line break
begins a line that seems to be ours. XML and strict readers of JSON cannot hold others, as half of a surrogate pair; and
one of ten megabytes buries the rest. So whatever comes in goes through `visible`, here and once more before it is
shown or written: what is harmless stays as it is.
"""

import re
from typing import Any, Final

LONGEST: Final = 2_000
"""How many characters are shown of a text."""

# Printable by their category, and yet nothing is seen of them: fillers and variation selectors.
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def visible(text: object, longest: int | None = LONGEST) -> str:
    r"""Spell out every character that cannot be seen as itself, as Python does in a string: `\x1b`, `\n`, `\u202e`.

    What is longer than `longest` ends in "... (N characters)"; None stands for any length.
    """
    whole = str(text)
    begun = whole if longest is None else whole[:longest]
    spelled = begun if begun.isascii() and begun.isprintable() else "".join(map(_spelled, begun))
    if longest is None or len(whole) <= longest >= len(spelled):
        return spelled
    count = f"... ({len(whole):,} characters)"
    return spelled[: longest - len(count)] + count


def _spelled(character: str) -> str:
    seen = character.isprintable() and not _BLANK.match(character)
    return character if seen else character.encode("unicode_escape").decode()


def visible_lines(text: str, longest: int | None = LONGEST) -> str:
    """Show a text of several lines, such as a traceback, whose line breaks are wanted; of a long one, its end."""
    ended = text if longest is None else text[-longest:]
    return "\n".join(visible(line, longest) for line in ended.split("\n"))


def harmless(data: Any) -> Any:
    """Copy data made of lists, mappings, texts and numbers, in which every text is visible."""
    if isinstance(data, str):
        return visible(data)
    if isinstance(data, dict):
        return {visible(name): harmless(each) for name, each in data.items()}
    return list(map(harmless, data)) if isinstance(data, list | tuple) else data
