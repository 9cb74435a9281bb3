"""Many implementations before the same clauses: what is judged with one case is judged with it one after another.

The oracle's bound takes most of the time of a trial, and is the same for all of them; it is kept for as long as the
memory set aside allows. Beyond that a verdict is the one of `judge_clause`, without its search for a smaller case.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

import numpy as np

from assay.adapters import Adapter
from assay.adapters.in_process import open_object
from assay.conformance.cases.drawing import cases_of
from assay.conformance.cases.profiles import Profile
from assay.conformance.judging.shrinking import plainer_accepted_case
from assay.conformance.terms.case import Case
from assay.conformance.terms.clause import Clause
from assay.conformance.terms.component import Component, Inputs
from assay.conformance.terms.subject import Subject, recent_replies
from assay.conformance.terms.trial import Trial
from assay.conformance.terms.verdict import Inapplicable, NotOffered, Unsupported, Violation
from assay.conformance.variants import Variant
from assay.oracle.rounding.bound import Bound

MEMORY: Final = 2**29
"""Bytes of bounds that are kept for each component."""


def sharing(component: Component) -> Component:
    """The component, whose bounds are computed once for the same arguments."""
    made = _Kept(component.inputs, lambda case: case, _size_of_inputs)
    bound = _Kept(component.bound, _key, _size)
    gradient = component.gradient and _Kept(component.gradient, _key, lambda each: sum(map(_size, each.values())))
    return replace(component, inputs=made, bound=bound, gradient=gradient)


class _Kept:
    """A function that remembers its latest results, up to so many bytes of them."""

    def __init__(self, function: Callable[..., Any], key: Callable[..., object], size: Callable[[Any], int]) -> None:
        self._function, self._key, self._of = function, key, size
        self._results: OrderedDict[object, Any] = OrderedDict()
        self._held = 0

    def __call__(self, *arguments: Any) -> Any:
        key = self._key(*arguments)
        if key in self._results:
            self._results.move_to_end(key)
            return self._results[key]
        result = self._function(*arguments)
        self._results[key] = result
        self._held += self._of(result)
        while self._held > MEMORY and len(self._results) > 1:
            _, oldest = self._results.popitem(last=False)
            self._held -= self._of(oldest)
        return result


def _key(inputs: Inputs, *others: Any) -> tuple[object, ...]:
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(inputs.arguments.items()):
        _digest(digest, name, value)
    hashable = []
    for each in others:
        if isinstance(each, np.ndarray):
            _digest(digest, "cotangent", each)
        else:
            hashable.append(tuple(sorted(each.items())) if hasattr(each, "items") else each)
    return (digest.digest(), *hashable)


def _digest(digest: Any, name: str, value: object) -> None:
    if isinstance(value, np.ndarray):
        digest.update(f"{name}{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).data)
    else:
        digest.update(f"{name}{value!r}".encode())


def _size(bound: Bound) -> int:
    return sum(
        each.nbytes for each in (getattr(bound, of.name) for of in fields(bound)) if isinstance(each, np.ndarray)
    )


def _size_of_inputs(inputs: Inputs) -> int:
    return sum(each.nbytes for each in inputs.arrays.values())


@dataclass
class Judged:
    """One implementation before one clause."""

    variant: Variant
    adapter: Adapter
    subject: Subject = field(init=False)
    examples: int = 0
    violation: Violation | None = None
    case: Case | None = None
    """The first that it failed."""
    refuses: bool = False
    resets: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """What is learnt of an implementation holds for one clause."""
        self.subject = Subject(self.adapter)

    def take(self, clause: Clause, component: Component, case: Case, *, replaced: bool = False) -> None:
        """One case; a plainer one where it is refused."""
        try:
            clause.check(Trial(self.subject, component, case))
        except Inapplicable:
            return
        except NotOffered:
            self.refuses = True
            return
        except Unsupported:
            plainer = None if replaced else plainer_accepted_case(clause, component, self.subject, case, self.resets)
            if plainer is not None:
                self.take(clause, component, plainer, replaced=True)
            return
        except Violation as violation:
            self.violation, self.case = violation, case
        self.examples += 1


def judged(
    clause: Clause,
    component: Component,
    dtype: str,
    profile: Profile,
    seed: int,
    adapters: Sequence[tuple[Variant, Adapter]],
) -> list[Judged]:
    """Every implementation before one clause in one dtype, until it fails; `component` comes from `sharing`."""
    each = [Judged(variant, adapter) for variant, adapter in adapters]
    for case in cases_of(clause, component, dtype, profile, seed):
        for one in each:
            if one.violation is None and not one.refuses:
                one.take(clause, component, case)
                # The replies of hundreds of implementations to hundreds of cases would fill the memory.
                recent_replies(one.adapter, component.name, dtype).clear()
    return each


def opened(variants: Sequence[Variant], dtype: str) -> Iterator[tuple[Variant, Adapter]]:
    """Those that are to be judged in a dtype; all where it is empty."""
    for variant in variants:
        if not dtype or dtype in variant.dtypes:
            yield variant, open_object(variant.adapter(), variant.name)
