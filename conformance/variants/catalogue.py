"""What a variant is, and the list of them in order of definition."""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from types import SimpleNamespace
from typing import Any, Final, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

DTYPES: Final = ("float64", "float32", "bfloat16", "float16")
WIDEST: Final = ("float64",)
WIDE: Final = ("float64", "float32")
NARROW: Final = ("bfloat16", "float16")

ROUNDED_SHIFT: Final = {dtype: {"shift": "rounded"} for dtype in DTYPES}
"""Numerics of what does not take the maximum off first."""


@dataclass(frozen=True)
class Variant:
    """One implementation of one component whose verdict is known beforehand."""

    name: str
    component: str
    sentence: str
    """The bug in one sentence; of a right variant, what it does in its own way."""
    function: Callable[..., Any]
    wrong: bool
    needs: str = ""
    """The inputs that show the bug."""
    seen_in: tuple[str, ...] = ()
    """Threads about this bug in real libraries, as owner/repo#number."""
    conventions: Mapping[str, str] = field(default_factory=dict)
    numerics: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    vjp: Callable[..., Any] | None = None
    """Its gradients, as `<component>_vjp(cotangent, ...)`; None: it has none."""
    beside: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    """Other functions of the same implementation, where the bug is between two."""
    dtypes: tuple[str, ...] = DTYPES
    """In which it is to be judged: those in which the bug can be seen."""

    @property
    def caught_by(self) -> tuple[str, ...]:
        """Clauses that must catch it, whatever the seed; in caught_by.json, measured and kept true by the tests."""
        return tuple(_caught_by().get(self.name, ()))

    @property
    def spec(self) -> str:
        """What names its adapter on the command line."""
        return f"{__package__}:{self.name.replace('-', '_')}"

    def adapter(self) -> SimpleNamespace:
        """Make an adapter of the variant."""
        return SimpleNamespace(
            name=self.name,
            framework="numpy",
            dtypes=self.dtypes,
            conventions=dict(self.conventions),
            numerics={dtype: dict(fields) for dtype, fields in self.numerics.items()},
            notes=(self.sentence,),
            **{self.component: self.function},
            **self.beside,
            **({f"{self.component}_vjp": self.vjp} if self.vjp else {}),
        )


@functools.cache
def _caught_by() -> dict[str, list[str]]:
    stated: dict[str, list[str]] = json.loads(
        resources.files(__package__).joinpath("caught_by.json").read_text("utf-8")
    )
    return stated


_CATALOGUE: Final[dict[str, Variant]] = {}


def variant(
    name: str, component: str, sentence: str, *, wrong: bool = True, **fields: Any
) -> Callable[[Function], Function]:
    """Put a function into the catalogue; `fields` are those of `Variant`."""

    def register(function: Function) -> Function:
        if name in _CATALOGUE:
            raise ValueError(f"there are two variants {name!r}: give one of them another name")
        _CATALOGUE[name] = Variant(name, component, sentence, function, wrong, **fields)
        return function

    return register


def variants(component: str | None = None, wrong: bool | None = None) -> tuple[Variant, ...]:
    """List the variants of a component (of all), wrong ones or right ones (both), in order of definition."""
    return tuple(
        each for each in _CATALOGUE.values() if component in (None, each.component) and wrong in (None, each.wrong)
    )


def find(name: str) -> Variant:
    """Find the variant of that name."""
    if name not in _CATALOGUE:
        raise LookupError(f"there is no variant {name!r}; `variants()` lists them")
    return _CATALOGUE[name]
