"""What the judge knows of a component: its cases, the arrays of a case, the bound on the right result.

One `Component` a file of its own name in this folder, beside the clauses that only it has. Everything that holds for
all components (`universal.py`, `drawing.py`, `judging.py`) reads it from here.
"""

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from ...oracle.rounding.bound import Bound
from ...oracle.rounding.numerics import Numerics
from .case import Case, CaseError, Value
from .rounding import Array

Conventions: TypeAlias = Mapping[str, str]
Option: TypeAlias = Mapping[str, Value]
"""One choice of a factor: the parameters that it sets."""


LAYOUTS: Final = ("contiguous", "transposed", "swapped", "sliced", "strided", "expanded", "mixed")
"""How arrays of three or more axes may lie in memory, the plainest first; `mixed` gives each argument another one."""


@dataclass(frozen=True)
class Inputs:
    """The arguments of one call by the names of the contract, floats exact in the dtype of the case."""

    arrays: Mapping[str, Array]
    options: Mapping[str, Any] = field(default_factory=dict)

    def but(self, **changes: Any) -> "Inputs":
        """The same call with other arguments; None leaves one out."""
        arrays, options = dict(self.arrays), dict(self.options)
        for name, value in changes.items():
            place = arrays if name in arrays or isinstance(value, np.ndarray) else options
            if value is None:
                place.pop(name, None)
            else:
                place[name] = value
        return replace(self, arrays=arrays, options=options)

    @property
    def arguments(self) -> dict[str, Any]:
        """All of them, as keywords."""
        return {**self.arrays, **self.options}


def _no_array(*_: Any) -> Any:
    raise LookupError("a component whose result is no array has neither shape nor bound")


@dataclass(frozen=True, eq=False)
class Component:
    """One component of the Transformer, as the judge sees it."""

    name: str
    formula: str
    source: str
    """Paper, section, equation."""
    factors: Mapping[str, Sequence[Option]]
    """What a case is drawn from: each factor has options, the plainest first. `dtype` and `seed` stand apart."""
    make: Callable[[Case], Inputs]
    """The arguments of a case."""
    shape: Callable[[Inputs], tuple[int, ...]] = _no_array
    """The shape of the result."""
    bound: Callable[[Inputs, Numerics, Conventions], Bound] = _no_array
    axes: tuple[str, ...] = ()
    """A word for an index along each axis of the result; none where their number varies."""
    generic: Callable[[Case], bool] = lambda case: False
    """Whether values are random around zero, neither sorted nor tied nor constant: the statistical bound holds."""
    admissible: Callable[[Case], bool] = lambda case: True
    """Whether the parameters go together, and the arrays stay small enough to judge hundreds of them."""
    exact: Callable[[Case, Inputs, Bound, Conventions], Array | None] | None = None
    """Which elements of the result are exactly representable and reached exactly by every order of operations."""
    item: Callable[[Inputs, int], Inputs] | None = None
    """The call with one item of the batch alone; the batch is axis 0 of the result."""
    variations: Callable[[Case], Mapping[str, tuple[Inputs, Inputs]]] | None = None
    """Option -> the same call without and with it, on values where it matters."""
    dependents: Callable[[Inputs, str, tuple[int, ...], Conventions], Array] | None = None
    """Which elements of the result depend on one element of one argument: a boolean array of the result's shape."""
    probes: Callable[[str], Sequence[Case]] = lambda dtype: ()
    """Cases that are always judged, for a dtype: corners that no pair of factors describes."""
    exact_regimes: tuple[str, ...] = ()
    """The regimes in which `exact` may find something."""
    large: Sequence[Option] = ()
    """Parameters of cases that are large enough for statistics over a whole tensor."""
    gradient: Callable[[Inputs, Array, Numerics, Conventions], Mapping[str, Bound]] | None = None
    """The bounds on the gradients of `sum(result * cotangent)`, by the names of the real arrays."""
    differentiated: Callable[[Case], bool] = lambda case: True
    """Whether the gradients of a case are judged as well: they take several times as long."""
    result: Literal["array", "data"] = "array"
    """`data`: lists, texts and numbers, for which no bound and none of the clauses for all components holds."""
    has_dtype: bool = True
    """Whether it takes floating-point arrays. If not, its result is judged in the format in which it comes."""
    order: tuple[str, ...] = ()
    """The parameters in the order of a case's line, where that is not the order of the factors."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Every parameter of a case, in the order of its line."""
        if self.order:
            return self.order
        names = [name for options in self.factors.values() for name in options[0]]
        return (*(("dtype",) if self.has_dtype else ()), *names, "seed")

    def case(self, options: Sequence[Option], dtype: str, seed: int) -> Case:
        """The case with an option of each factor."""
        values: dict[str, Value] = {"dtype": dtype, "seed": seed}
        for option in options:
            values.update(option)
        return Case(self.name, tuple((name, values[name]) for name in self.parameters))

    def option_indices(self, case: Case) -> list[int]:
        """Which option of each factor the case has; their number where it has one of its own."""
        return [
            next(
                (k for k, option in enumerate(options) if all(case[name] == option[name] for name in option)),
                len(options),
            )
            for options in self.factors.values()
        ]

    def parse(self, texts: Mapping[str, str]) -> Case:
        """The case of a line, whose values may lie outside the factors' options; `CaseError` if it is none."""
        values: dict[str, Value] = {}
        for name in self.parameters:
            if name not in texts:
                raise CaseError(f"a case of {self.name} needs {name}; its parameters are {', '.join(self.parameters)}")
            known = [option[name] for options in self.factors.values() for option in options if name in option]
            values[name] = _parsed(self.name, name, texts[name], known)
        for name in texts:
            if name not in values:
                raise CaseError(f"a case of {self.name} has no {name}; its parameters are {', '.join(self.parameters)}")
        return Case(self.name, tuple(values.items()))


_DTYPES: Final = ("float64", "float32", "bfloat16", "float16")


def _parsed(component: str, name: str, text: str, known: Sequence[Value]) -> Value:
    """The value in a line: one of the known words, or a number where some of the known are numbers."""
    words = [value for value in (_DTYPES if name == "dtype" else known) if isinstance(value, str)]
    if text in words:
        return text
    numbers = [value for value in known if not isinstance(value, str)]
    whole = name == "seed" or not any(isinstance(value, float) for value in numbers)
    if numbers or name == "seed":
        with contextlib.suppress(ValueError, OverflowError):  # a whole number beyond every float
            number = int(text) if whole else float(text)
            if math.isfinite(number) and (number >= 0 or not whole):
                return number
    due = [*words, *(["a whole number, 0 or more" if whole else "a number"] if numbers or name == "seed" else [])]
    raise CaseError(f"{name} of a case of {component} cannot be {text!r}; it is {' or '.join(due)}")


REGISTERED: Final[dict[str, Component]] = {}
"""The components whose files have been imported so far; `components` imports all of them."""


def component(**fields: Any) -> Component:
    """Make a component known."""
    made = Component(**fields)
    REGISTERED[made.name] = made
    return made
