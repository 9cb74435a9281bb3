"""JSON as its standard has it: no name twice in an object, of which the last would count, and no NaN.

In messages, NaN and the infinities are spelled, as in `{"number": "NaN"}`: no other object of theirs looks like that.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

_SPELLED: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def parse_json(text: str, *, spelled: bool = False) -> Any:
    """Parse a text, in which numbers may be spelled; ValueError if it is no JSON, RecursionError if it is too deep."""
    if not spelled:
        return json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)
    return json.loads(text, object_pairs_hook=_or_a_number, parse_constant=_bare)


def write_json(value: object, default: Callable[[Any], object]) -> str:
    """Write a text in which numbers that JSON lacks are spelled; `default` converts what JSON does not know."""
    try:
        return json.dumps(value, default=default, allow_nan=False)
    except ValueError:  # which costs nothing where there is none
        return json.dumps(_spell(value, default), default=default, allow_nan=False)


def _spell(value: Any, default: Callable[[Any], object]) -> object:
    if isinstance(value, Mapping):
        return {name: _spell(each, default) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_spell(each, default) for each in value]
    if value is None or isinstance(value, str | int):
        return value
    number = value if isinstance(value, float) else default(value)
    if not isinstance(number, float) or math.isfinite(number):
        return number
    return {"number": "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"}


def _or_a_number(pairs: Sequence[tuple[str, Any]]) -> Any:
    found = _each_once(pairs)
    word = found.get("number") if len(found) == 1 else None
    return _SPELLED.get(word, found) if isinstance(word, str) else found


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a name twice")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _bare(word: str) -> Any:
    raise ValueError(f'{word} is no number of JSON; write {{"number": "{word}"}}')
