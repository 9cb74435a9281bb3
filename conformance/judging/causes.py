"""Causes: violations that have one reason are one finding, across clauses, dtypes, components and layouts.

What a process has tried comes first: a failure that a known cause explains names that cause (`findings.py`). What
several processes found, and what several components have, is joined here by how it fails, what it behaves like, what
it would take to declare, and the parameters without which it is right.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ...adapters.contract import CONVENTIONS
from ...oracle.rounding.formats import FORMATS
from ..components import CLAUSES, COMPONENTS
from ..terms.case import Value
from .failing import failures_of
from .result import Failure, Result, family, raised

Failing: TypeAlias = tuple[Result, Failure]
"""A failure, and the line of the report that has it."""


@dataclass
class Cause:
    """One finding: everything that fails for one reason."""

    id: str
    """The same for the same bug in the next run."""
    example: Failing
    """What shows it best."""
    members: list[Failing] = field(default_factory=list)

    @property
    def failure(self) -> Failure:
        """The smallest case that shows it."""
        return self.example[1]

    @property
    def results(self) -> list[Result]:
        """The lines of the report that it shows in, each once."""
        return list({id(result): result for result, _ in self.members}.values())

    @property
    def level(self) -> str:
        """Whether it makes the verdict."""
        return "required" if any(each.level == "required" for each in self.results) else "advisory"

    @property
    def allowed(self) -> bool:
        """Whether all of it is allowed to fail."""
        return all(each.status == "allowed" for each in self.results)

    @property
    def violations(self) -> int:
        """How many lines of the report fail by it."""
        return len(self.results)

    @property
    def components(self) -> list[str]:
        """Where it shows, in the order of the report."""
        return list(dict.fromkeys(each.component for each in self.results))

    @property
    def clauses(self) -> list[str]:
        """By what it shows."""
        return list(dict.fromkeys(each.clause for each in self.results))

    @property
    def dtypes(self) -> list[str]:
        """In which formats it shows."""
        return list(dict.fromkeys(each.dtype for each in self.results))


def causes_of(results: Sequence[Result]) -> list[Cause]:
    """Group what fails; what explains most comes first, what only advises last."""
    failed = [result for result in results if result.status in ("fail", "allowed")]
    failing = [(result, each) for result in failed for each in failures_of(result)]
    groups: list[list[Failing]] = []
    for one in sorted(failing, key=_generality):
        home = next((group for group in groups if any(_explains(each, one) for each in group)), None)
        if home is None:
            groups.append([one])
        else:
            home.append(one)
    found = [Cause("", _best(group), _as_reported(group, failing)) for group in _by_parts(groups)]
    for cause, name in zip(found, _names(found), strict=True):
        cause.id = name
    return sorted(
        found, key=lambda cause: (cause.level != "required", cause.failure.how == "exception", -cause.violations)
    )


def _generality(one: Failing) -> tuple[object, ...]:
    """Order failures: what explains others comes before what it explains."""
    result, failure = one
    return (
        result.level != "required",
        not _is_general(result),
        failure.backward,
        len(_kinds(one)),
        not (failure.looks_like or failure.declare),
        -(failure.ratio or 0.0),
    )


def _is_general(result: Result) -> bool:
    """Say whether a clause compares with the formula on every kind of input, so that what fails it fails elsewhere."""
    clause = CLAUSES[result.clause]
    return clause.covering or clause.at_size


def _explains(one: Failing, other: Failing) -> bool:
    """Say whether what is known of one failure is why the other is there."""
    (result, known), (other_result, failure) = one, other
    if known.cause == failure.cause:
        return True
    if known.looks_like and failure.looks_like:
        return known.looks_like == failure.looks_like
    if known.looks_like and _is_far_more(one, other):
        return False
    if "exception" in (known.how, failure.how):
        return known.how == failure.how and raised(known.message) == raised(failure.message)
    triggers = _kinds(one), _kinds(other)
    pair = result.component, other_result.component
    alike = triggers[0] == triggers[1] and family(known.how) == family(failure.how)
    if known.declare and known.declare == failure.declare:
        related = _are_related if known.declare.keys() <= CONVENTIONS.keys() else _are_near
        return pair[0] == pair[1] or (alike and related(*pair))
    if pair[0] != pair[1] and alike and triggers[0] and not (known.looks_like or failure.looks_like):
        return _are_related(*pair)
    if pair[0] != pair[1] or family(known.how) != family(failure.how):
        return False
    if known.declare and (failure.declare or failure.ratio is None):
        return False  # what is rounded too much is a number
    if triggers[0] == triggers[1] and known.backward == failure.backward:
        return True
    if failure.backward and not known.backward and not _is_general(other_result):
        return False  # where gradients are wrong by the values, all are
    return _is_general(result) and triggers[0] <= triggers[1] and known.backward <= failure.backward


_FAR_MORE: Final = 100
"""How many times the error ratio of a known bug one is that the bug does not explain, if it was tried on it."""


def _is_far_more(one: Failing, other: Failing) -> bool:
    """Say whether a failure that has no name is too large for that of another, or hangs on more than that."""
    (result, known), (other_result, failure) = one, other
    larger = (failure.ratio or 0.0) > _FAR_MORE * (known.ratio or math.inf)
    return larger and result.dtype == other_result.dtype and (_is_general(other_result) or not known.trigger)


_SIZE: Final = "*"
"""What stands for any size, and for any layout."""
_NOISE: Final = 1000
"""The error ratio below which a result in 16 bits may be off by rounding in too few bits."""


def _kinds(failing: Failing) -> frozenset[tuple[str, Value]]:
    """Give the parameters of a trigger with what separates reasons: not the regime, nor which layout.

    A size separates nothing where an error of rounding shows at it: that hangs on the values.
    """
    result, failure = failing
    ratio = math.inf if failure.ratio is None else failure.ratio
    noisy = (
        ratio < _NOISE and FORMATS[result.dtype].precision <= FORMATS["float16"].precision if result.dtype else False
    )
    kinds: set[tuple[str, Value]] = set()
    for name, value in failure.trigger.items():
        sized = isinstance(value, int) and value
        if name != "regime" and not (sized and noisy):
            kinds.add((name, _SIZE if name == "layout" or sized else value))
    return frozenset(kinds)


def _are_related(one: str, other: str) -> bool:
    """Say whether one component is the other, is made of it, or is made of the same."""
    if one == other:
        return True
    parts = [{each, *_parts(each)} for each in (one, other)]
    return one in parts[1] or other in parts[0] or bool(set(_parts(one)) & set(_parts(other)))


def _are_near(one: str, other: str) -> bool:
    """Say whether one component is made of the other: what is rounded in a part is rounded in the whole."""
    return one in COMPONENTS[other].parts or other in COMPONENTS[one].parts


def _parts(component: str) -> tuple[str, ...]:
    """Give what a component is made of, and what that is made of."""
    own = COMPONENTS[component].parts
    return (*own, *(each for part in own for each in _parts(part)))


def _by_parts(groups: list[list[Failing]]) -> list[list[Failing]]:
    """Join what is wrong with a whole to what is wrong with its parts, in the same way, and most of all in one."""
    kept: list[list[Failing]] = []
    for group in groups:
        candidates = [
            (max((each.ratio or 0.0) for _, each in other), other)
            for other in groups
            if other is not group and _is_of_a_part(other, group)
        ]
        if candidates:
            max(candidates, key=lambda each: each[0])[1].extend(group)
        else:
            kept.append(group)
    return kept


def _is_of_a_part(part: list[Failing], whole: list[Failing]) -> bool:
    """Say whether a whole's failures could be those of a part: the same way to fail, wherever it has to."""
    (result, known), (other_result, failure) = part[0], whole[0]
    convention = failure.declare and failure.declare.keys() <= CONVENTIONS.keys()
    if failure.looks_like or convention or "exception" in (known.how, failure.how):
        return False
    return (
        result.component in _parts(other_result.component)
        and _is_general(result)
        and family(known.how) == family(failure.how)
        and known.backward == failure.backward
        and not _kinds(part[0]) - _kinds(whole[0])
        and {each.dtype for each, _ in whole} <= {each.dtype for each, _ in part}
    )


def _best(group: Sequence[Failing]) -> Failing:
    """Choose what shows a cause best: named, by what everybody looks at, with the least."""
    first = group[0][0]
    own = [each for each in group if each[0].component == first.component]
    # That which was found first was made small; what it explains was not.
    found = [each for each in own if each[1].cause == f"{each[0].clause} {each[1].case}"] or own
    return next((each for each in found if each[1].looks_like), found[0])


def _as_reported(group: Iterable[Failing], every: Sequence[Failing]) -> list[Failing]:
    """Sort failures in the order of the report."""
    places = {id(failure): number for number, (_, failure) in enumerate(every)}
    return sorted(group, key=lambda each: places[id(each[1])])


_WORD: Final = re.compile(r"[^a-z0-9.]+")


def _names(found: Sequence[Cause]) -> Iterator[str]:
    """Name each cause by what it is: component, what it behaves like or lacks, how it fails and what triggers it."""
    taken: dict[str, int] = {}
    for cause in found:
        result, failure = cause.example
        what = [failure.looks_like] if failure.looks_like else []
        if not what:
            what = [result.component, *(failure.declare or ())] if failure.declare else [result.component, failure.how]
            what += ["gradient"] * failure.backward
            what += [raised(failure.message).partition(":")[0]] if failure.how == "exception" else []
            what += [
                name if value == _SIZE else f"{name}-{value}" for name, value in sorted(_kinds(cause.example), key=str)
            ]
        name = _WORD.sub("-", "-".join(map(str, what)).lower()).strip("-")[:80]
        taken[name] = taken.get(name, 0) + 1
        yield name if taken[name] == 1 else f"{name}-{taken[name]}"
