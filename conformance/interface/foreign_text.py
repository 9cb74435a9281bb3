"""Foreign text: what an implementation, a package or a report says, and what may be done with it on a screen.

A judged implementation chooses the texts of its exceptions, notes and names. A terminal would obey some of them: an
escape sequence erases a line, a carriage return overwrites it, a bidirectional override turns it round, a line break
begins a line that seems to be ours. So everything foreign is shown by `visible`, on standard output, on standard error
and in the output of pytest. (JSON escapes such characters itself; XML cannot hold them, see `junit.py`.)
"""

import re
from typing import Final

# Printable by their category, and yet nothing is seen of them: fillers and variation selectors.
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def visible(text: object) -> str:
    r"""Spell out every character that cannot be seen as itself, as Python does in a string: `\x1b`, `\n`, `\u202e`."""
    return "".join(
        each if each.isprintable() and not _BLANK.match(each) else each.encode("unicode_escape").decode()
        for each in str(text)
    )


def visible_lines(text: str) -> str:
    """Show a text of several lines, such as a traceback, whose line breaks are wanted."""
    return "\n".join(map(visible, text.split("\n")))
