"""What a call of the oracle is given besides arrays: numbers, and names of which there are a few.

    check_number("adam", "epsilon", epsilon, "0 or more", lambda number: number >= 0)
    check_conventions("adam", adam_epsilon=adam_epsilon)

Which values a convention may have is in the contract, `assay.adapters.contract.CONVENTIONS`.
"""

from collections.abc import Callable, Collection
from numbers import Integral, Real
from typing import Any

from ..adapters.contract import CONVENTIONS
from .spec_error import SpecError


def check_conventions(function: str, **chosen: str) -> None:
    """Raise SpecError where a convention has no value that the contract knows."""
    for name, value in chosen.items():
        check_name(function, name, value, CONVENTIONS[name])


def check_name(function: str, name: str, value: object, known: Collection[str]) -> None:
    """Raise SpecError unless an argument is one of the known names."""
    if value not in tuple(known):
        raise SpecError(f"{function}: {name} is {value!r}, but should be {' or '.join(map(repr, known))}")


def check_number(
    function: str, name: str, value: object, due: str = "a number", fits: Callable[[Any], bool] | None = None
) -> None:
    """Raise SpecError unless an argument is a number that fits; `due` says which numbers do."""
    if not isinstance(value, Real) or (fits is not None and not fits(value)):
        raise SpecError(f"{function}: {name} is {value!r}, but should be {due}")


def check_whole(function: str, name: str, value: object, least: int) -> None:
    """Raise SpecError unless an argument is a whole number that is large enough."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise SpecError(f"{function}: {name} is {value!r}, but should be a whole number of at least {least}")
