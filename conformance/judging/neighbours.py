"""What a failing case has that its neighbours lack: a layout, or sizes that are equal. It is judged, not guessed."""

import itertools
from collections.abc import Iterator

from ..terms.case import Case
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.subject import Subject
from ..terms.trial import Trial
from ..terms.verdict import Outcome


def with_neighbours(clause: Clause, component: Component, subject: Subject, case: Case, outcome: Outcome) -> Outcome:
    """Add to the reason of a failure what makes the case right: plain memory, or sizes that are unlike."""

    def tried(**changes: object) -> Outcome:
        candidate = clause.prepare(case.but(**changes))
        if candidate is None or candidate != case.but(**changes) or subject.lost or not component.admissible(candidate):
            return Outcome("inapplicable")
        return check(clause, Trial(subject, component, candidate))

    remarks = []
    if case.get("layout", "contiguous") != "contiguous" and tried(layout="contiguous").passed:
        remarks.append("it is right when contiguous")
    for one, other in _equal_sizes(component, case):
        free = [size for size in range(2, 99) if size not in set(case.values())][:2]
        unlike = ({name: size} for name in (one, other) for size in free)
        if all(tried(**each).passed for each in unlike) and tried(**{one: free[0], other: free[0]}).failed:
            remarks.append(f"it is right unless {one} = {other}")
            break
    return Outcome(outcome.kind, outcome.ratio, "; ".join([outcome.reason, *remarks]))


def _equal_sizes(component: Component, case: Case) -> Iterator[tuple[str, str]]:
    """Find pairs of axes whose sizes are equal, and not 1, which any two may be."""
    axes = {
        name for words in (*component.row.arrays.values(), *component.row.results.values()) for name in words.split()
    }
    sizes = [name for name in case if name in axes and case[name] > 1]
    yield from (pair for pair in itertools.combinations(sizes, 2) if case[pair[0]] == case[pair[1]])
