"""A part of a run: which lines it judges, and what its report says so that the parts can be joined."""

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from ...adapters import Offer
from ..judging.plan import Line


def lines_of(shard: tuple[int, int] | None, lines: Iterable[Line]) -> list[Line]:
    """Select the lines of a part, of so many, or of the whole: the name of a line decides, whatever else is judged.

    In a part none waits: whether one is due, what fails in other parts decides.
    """
    if shard is None:
        return list(lines)
    part, of = shard
    return [dataclasses.replace(line, waits=False) for line in lines if _number(line) % of == part - 1]


def _number(line: Line) -> int:
    name = f"{line.clause.id} {line.component} {line.dtype}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])


def part_of_report(shard: tuple[int, int] | None, lines: Sequence[Line], offer: Offer) -> dict[str, Any] | None:
    """Return what the report of a part says of the whole."""
    if shard is None:
        return None
    part, of = shard
    named = [[line.clause.id, line.component, line.dtype, _kind(line)] for line in lines if not line.again]
    return {"part": part, "of": of, "lines": named, "functions": list(offer.functions), "dtypes": list(offer.dtypes)}


def _kind(line: Line) -> str:
    return "not-offered" if not line.offered else "waits" if line.waits else "judged"
