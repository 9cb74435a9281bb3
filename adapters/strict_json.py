"""JSON as its standard has it: no name twice in an object, of which the last would count, and no NaN."""

import json
from collections.abc import Sequence
from typing import Any


def parse_json(text: str) -> Any:
    """Parse a text; ValueError if it is no JSON, RecursionError if it is too deep."""
    return json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a name twice")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")
