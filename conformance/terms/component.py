"""What the judge knows of a component: its cases, the arrays of a case, the bound on the right result.

A component is one `Component`, beside the clauses that only it has. What the contract's row of it says (axes, results,
conventions, whether there is a gradient) is not said again: it follows from the row (`row.py`). What is left is how
cases are drawn, and which values they have.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

from ...adapters import FAR
from ...adapters.contract import AXES, DTYPES, FUNCTIONS, Function
from ...oracle.rounding.bound import Bound
from ...oracle.rounding.numerics import Numerics
from . import row as of_row
from .at_size import AtSize
from .case import Case, CaseError, Value
from .cotangents import KINDS
from .inputs import Conventions as Conventions
from .inputs import Inputs as Inputs
from .rounding import Array as Array
from .verdict import Inapplicable

Option: TypeAlias = Mapping[str, Value]
"""One choice of a factor: the parameters that it sets."""

Rescaling: TypeAlias = Mapping[str, tuple[int | None, int]]
"""Argument -> (axis, sign): a channel along the axis, or all of it where that is None, is multiplied by 2^p, or
divided by it where the sign is -1."""

LAYOUTS: Final = ("contiguous", "transposed", "swapped", "sliced", "strided", "expanded", "mixed")
"""How arrays of three or more axes may lie in memory, the plainest first; `mixed` gives each argument another one."""

GENERIC: Final = ("normal", "uniform")
"""Regimes whose values are random around zero, neither sorted nor tied nor constant: the statistical bounds hold."""

_Of = TypeVar("_Of")

FROM_ROW: Final[Any] = object()
"""In place of a field: what follows from the contract's row."""


_OF_ROWS: Final = {"n": "column", "d": "channel"}
"""What an index within a row is called, where an array may have any number of axes."""


def _in_words(axes: str) -> tuple[str, ...]:
    """Give a word for an index along each axis; the axes' own where two words would be the same."""
    words = axes.split()
    if words[:1] == ["..."]:
        return ("...", *(_OF_ROWS.get(word, word) for word in words[1:]))
    named = tuple(AXES.get(word, word) for word in words)
    return named if len({*named}) == len(words) else tuple(f"{word} index" for word in words)


def factor(names: str, *choices: Value | tuple[Value, ...]) -> list[Option]:
    """List the options of a factor, of one parameter or of several: `factor("H H_kv", (1, 1), (2, 1))`."""
    each = names.split()
    return [dict(zip(each, c if isinstance(c, tuple) else (c,), strict=True)) for c in choices]


@dataclass(frozen=True, eq=False)
class Component:
    """One component of the Transformer, as the judge sees it."""

    name: str
    """That of its row in the contract, and of its formula in the oracle."""
    formula: str
    source: str
    """Paper, section, equation."""
    factors: Mapping[str, Sequence[Option]]
    """What a case is drawn from: each factor has options, the plainest first. `dtype` and `seed` stand apart."""
    inputs: Callable[[Case], Inputs]
    """The arguments of a case, in any layout."""
    results: Callable[[Inputs], of_row.Axes] = FROM_ROW
    """The axes of each result, where they depend on an option."""
    bound: Callable[[Inputs, Numerics, Conventions], Bound | Mapping[str, Bound]] = FROM_ROW
    """The bound on the result; of several results, by name."""
    gradient: Callable[[Inputs, Any, Numerics, Conventions], Mapping[str, Bound]] | None = FROM_ROW
    """The bounds on the gradients of `sum(result * cotangent)`, by the names of the real arrays.

    Where there are several results, the cotangents come by name.
    """
    item: Callable[[Inputs, int], Inputs] | None = FROM_ROW
    """The call with one item of the batch alone; the batch is axis 0 of the result."""
    generic: Callable[[Case], bool] = lambda case: case.get("regime") in GENERIC
    """Whether values are random around zero, neither sorted nor tied nor constant: the statistical bound holds."""
    admissible: Callable[[Case], bool] = lambda case: True
    """Whether the parameters go together, and the arrays stay small enough to judge hundreds of them."""
    exact: Callable[[Case, Inputs, Any, Conventions], Array | Mapping[str, Array] | None] | None = None
    """Which elements of the result are exactly representable and reached exactly by every order of operations.

    Where there are several results, the bounds come by name, and so go the elements.
    """
    exact_regimes: tuple[str, ...] = ()
    """The regimes in which `exact` may find something."""
    variations: Callable[[Case], Mapping[str, tuple[Inputs, Inputs]]] | None = None
    """Option -> the same call without and with it, on values where it matters."""
    dependents: Callable[[Inputs, str, tuple[int, ...], Conventions], Array | Mapping[str, Array]] | None = None
    """Which elements of the result depend on one element of one argument: a boolean array of the result's shape.

    Of several results, by name.
    """
    probes: Callable[[str], Sequence[Case]] = lambda dtype: ()
    """Cases that are always judged, for a dtype: corners that no pair of factors describes."""
    coinciding: Sequence[str] = ()
    """The parameters that are sizes of unlike axes: cases in which they agree, and in which they do not, are judged."""
    against: Sequence[str] = ()
    """The sizes that say how long its sums are: a report tells how its errors grow with them."""
    rescaled: Sequence[Rescaling] = ()
    """What may be multiplied by a power of two together, so that no element of the result loses its say."""
    large: Sequence[Option] = ()
    """Parameters of cases that are large enough for aggregates."""
    differentiated: Callable[[Case], bool] = lambda case: True
    """Whether the gradients of a case are judged as well: they take several times as long."""
    at_size: AtSize | None = None
    """The sizes of models at which it is judged as well."""
    optional: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    """Parameters that a case may lack, with some of their values: options that an implementation may lack, and kinds of
    values; of what has gradients, those of cotangents. A number is above 0."""
    parts: tuple[str, ...] = ()
    """The components that it is made of, where they have formulas of their own: what is wrong in one shows in it."""
    order: tuple[str, ...] = ()
    """The parameters in the order of a case's line, where that is not the order of the factors."""

    def __post_init__(self) -> None:
        """Take from the contract's row what is left to it."""
        for name, follows in of_row.FOLLOWS.items():
            if getattr(self, name) is FROM_ROW:
                object.__setattr__(self, name, follows(self.row))
        if self.gradient is not None:
            object.__setattr__(self, "optional", {**self.optional, "cotangent": KINDS})

    @property
    def row(self) -> Function:
        """The contract's."""
        return FUNCTIONS[self.name]

    @property
    def gives_data(self) -> bool:
        """Whether it gives lists, texts or numbers: no bound and no clause for all components is about these."""
        return self.row.gives_data

    @property
    def has_dtype(self) -> bool:
        """Whether it takes floating-point arrays. If not, its result is judged in the format in which it comes."""
        return bool(self.row.real or self.row.weights)

    @property
    def axes(self) -> tuple[str, ...]:
        """A word for an index along each axis of the result; `...` stands for any number of them."""
        return _in_words(next(iter(self.row.results.values()), ""))

    def axes_of(self, argument: str) -> tuple[str, ...]:
        """Give a word for an index along each axis of an argument, likewise."""
        return _in_words(self.row.arrays.get(argument, ""))

    @property
    def parameters(self) -> tuple[str, ...]:
        """Every parameter of a case, in the order of its line."""
        if self.order:
            return self.order
        names = [name for options in self.factors.values() for name in options[0]]
        return (*(("dtype",) if self.has_dtype else ()), *names, "seed")

    def make(self, case: Case) -> Inputs:
        """Make the arguments of a case; in the layout `expanded`, the items of a batch are all alike."""
        inputs = self.inputs(case)
        return of_row.expanded(self.row, inputs) if case.get("layout") == "expanded" else inputs

    def shapes(self, inputs: Inputs) -> dict[str, tuple[int, ...]]:
        """Give the shape of each result by its name, `result` first."""
        return of_row.shapes(self.row, self.results(inputs), inputs)

    def bounds(self, inputs: Inputs, numerics: Numerics, conventions: Conventions) -> Mapping[str, Bound]:
        """Give the bound of each result by its name, `result` first."""
        return by_name(self.bound(inputs, numerics, conventions))

    def gradient_bounds(
        self, inputs: Inputs, cotangents: Mapping[str, Array], numerics: Numerics, conventions: Conventions
    ) -> Mapping[str, Bound]:
        """Give the bound of the gradient of each real array, along a cotangent of each result."""
        if self.gradient is None:
            raise Inapplicable
        along = cotangents["result"] if len(cotangents) == 1 else cotangents
        return self.gradient(inputs, along, numerics, conventions)

    def exact_elements(
        self, case: Case, inputs: Inputs, bounds: Mapping[str, Bound], conventions: Conventions
    ) -> Mapping[str, Array]:
        """Give `exact` of each result by its name, of those that have such elements."""
        if self.exact is None:
            raise Inapplicable
        found = self.exact(case, inputs, bounds["result"] if len(bounds) == 1 else bounds, conventions)
        return {name: each for name, each in by_name(found).items() if each is not None and each.any()}

    def reached(
        self, inputs: Inputs, argument: str, where: tuple[int, ...], conventions: Conventions
    ) -> Mapping[str, Array]:
        """Give `dependents` of each result by its name."""
        if self.dependents is None:
            raise Inapplicable
        return by_name(self.dependents(inputs, argument, where, conventions))

    def shape(self, inputs: Inputs) -> tuple[int, ...]:
        """Give the shape of the result."""
        return self.shapes(inputs)["result"]

    def case(self, options: Sequence[Option], dtype: str, seed: int) -> Case:
        """Give the case with an option of each factor."""
        values: dict[str, Value] = {"dtype": dtype, "seed": seed}
        for option in options:
            values.update(option)
        return Case(self.name, tuple((name, values[name]) for name in self.parameters))

    def with_optional(self, case: Case, **chosen: Value) -> Case:
        """Give the case with these of the parameters that it may lack, at the end of its line, and with no others."""
        if unknown := chosen.keys() - self.optional.keys():
            raise KeyError(f"{self.name} has no optional parameter {', '.join(sorted(unknown))}")
        always = tuple((name, case[name]) for name in self.parameters)
        return Case(self.name, (*always, *((name, chosen[name]) for name in self.optional if name in chosen)))

    def without(self, case: Case, name: str) -> Case:
        """Give the case without a parameter that it may lack."""
        return Case(self.name, tuple(each for each in case.parameters if each[0] != name))

    def plainest(self, dtype: str, seed: int = 0) -> Case:
        """Give the case with the plainest option of each factor."""
        return self.case([options[0] for options in self.factors.values()], dtype, seed)

    def option_indices(self, case: Case) -> list[int]:
        """Find which option of each factor the case has; their number where it has one of its own."""
        return [
            next(
                (k for k, option in enumerate(options) if all(case[name] == option[name] for name in option)),
                len(options),
            )
            for options in self.factors.values()
        ]

    def _options(self) -> list[Sequence[Option]]:
        """List the options of each factor, at the sizes of models as well."""
        return [*self.factors.values(), *(self.at_size.beside.values() if self.at_size else ())]

    def parse(self, texts: Mapping[str, str]) -> Case:
        """Read the case of a line, whose values may lie outside the factors' options; `CaseError` if it is none."""
        values: dict[str, Value] = {}
        for name in self.parameters:
            if name not in texts:
                raise CaseError(f"a case of {self.name} needs {name}; its parameters are {', '.join(self.parameters)}")
            known = [option[name] for options in self._options() for option in options if name in option]
            known += FAR if name == "layout" else ()
            values[name] = _parsed(self.name, name, texts[name], known)
        for name, tried in self.optional.items():
            if name in texts:
                values[name] = _parsed(self.name, name, texts[name], tried, positive=True)
        for name in texts:
            if name not in values:
                raise CaseError(f"a case of {self.name} has no {name}; its parameters are {', '.join(self.parameters)}")
        return Case(self.name, tuple(values.items()))


def by_name(found: _Of | Mapping[str, _Of]) -> Mapping[str, _Of]:
    """Give what was said of the only result its name."""
    return found if isinstance(found, Mapping) else {"result": found}


# As `Case.id` writes numbers.
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:e[+-]?[0-9]{1,3})?")


def _parsed(component: str, name: str, text: str, known: Sequence[Value], *, positive: bool = False) -> Value:
    """Read the value in a line: one of the known words, or a number where some of the known are numbers."""
    words = [value for value in (DTYPES if name == "dtype" else known) if isinstance(value, str)]
    if text in words:
        return text
    numbers = [value for value in known if not isinstance(value, str)]
    whole = name == "seed" or not any(isinstance(value, float) for value in numbers)
    if numbers or name == "seed":
        form = _WHOLE if whole else _NUMBER
        number = float("nan") if not form.fullmatch(text) else int(text) if whole else float(text)
        if math.isfinite(number) and (number > 0 if positive else number >= 0 or not whole):
            return number
    kind = ("a whole number" if whole else "a number") + (" above 0" if positive else ", 0 or more" if whole else "")
    due = [*words, *([kind] if numbers or name == "seed" else [])]
    raise CaseError(f"{name} of a case of {component} cannot be {text!r:.200}; it is {' or '.join(due)}")


REGISTERED: Final[dict[str, Component]] = {}
"""The components whose files have been imported so far; `components` imports all of them."""


def register(component: Component) -> Component:
    """Make a component known."""
    REGISTERED[component.name] = component
    return component
