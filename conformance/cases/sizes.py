"""The sizes that cases have: every pair of them, or a few shapes only.

A compiler that compiles again for every shape, and an interpreter of kernels, take seconds for a call that others
answer in a millisecond. An adapter for one declares `sizes = "few"`; then the sizes of a component are one factor,
whose options are the shapes of `pool`: few, but every size occurs. What else a case has is as it was: its values,
masks, options and layouts, and every rule. What only two sizes together show can be missed.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from ..terms.at_size import sizes_of_models
from ..terms.case import Value
from ..terms.clause import Clause
from ..terms.component import Component, Option
from ..terms.generator import Generator

OF_SIZES: Final = "sizes"
"""The factor whose options are whole shapes."""
_ATTEMPTS: Final = 100
"""How many ways to complete a shape are tried before a size is given up as inadmissible."""


def drawn_for(
    clause: Clause, component: Component, sizes: str = "all", shapes: Sequence[Mapping[str, int]] = ()
) -> Component:
    """Give the component as a clause's cases are drawn from it; `shapes` are the user's own."""
    return at_sizes_of_models(component, sizes, shapes) if clause.at_size else sized(component, sizes)


def own_shapes(component: Component, shapes: Sequence[Mapping[str, int]]) -> list[Option]:
    """Give those of the user's shapes whose sizes the component has, with the plainest size where none is given."""
    if component.at_size is None:
        return []
    plainest = component.at_size.shapes[0]
    found: list[Option] = []
    for shape in shapes:
        whole: Option = {**plainest, **shape}
        if shape.keys() <= plainest.keys() and whole not in found:
            found.append(whole)
    return found


def at_sizes_of_models(component: Component, sizes: str, own: Sequence[Mapping[str, int]] = ()) -> Component:
    """Give the component whose cases have the sizes of models; those that an interpreter can take where few are asked.

    What is plainest in it is small, so that a failing size is compared with a small one; the user's own come next.
    """
    of_models = sizes_of_models(component)
    smallest, *others = of_models.shapes if sizes == "all" else of_models.shapes[: of_models.few]
    of_user = [shape for shape in own_shapes(component, own) if shape != smallest]
    shapes = [smallest, *of_user, *(shape for shape in others if shape not in of_user)]
    beside = {
        factor: of_models.beside.get(factor, options[:1])
        for factor, options in component.factors.items()
        if not options[0].keys() <= of_models.shapes[0].keys()
    }
    factors = {OF_SIZES: shapes, **beside}
    return replace(component, factors=factors, order=component.parameters, admissible=of_models.admissible)


def sized(component: Component, sizes: str) -> Component:
    """Give the component all sizes or few."""
    return component if sizes == "all" else _few(component)


@functools.cache
def _few(component: Component) -> Component:
    of_sizes = _size_factors(component)
    others = {factor: options for factor, options in component.factors.items() if factor not in of_sizes}
    if not of_sizes or not others:
        return component
    of_few = {OF_SIZES: pool(component), **others}
    return replace(component, factors=of_few, order=component.parameters, coinciding=())


def pool(component: Component) -> list[Option]:
    """List shapes in which every size of every factor occurs that can, the plainest first; the same everywhere."""
    factors = _size_factors(component)
    generator = Generator("shapes")
    plainest: dict[str, Value] = {name: value for options in factors.values() for name, value in options[0].items()}
    # An empty array shows nothing of the other sizes: each has a shape of its own.
    empty = [plainest | dict(size) for options in factors.values() for size in options if _empty(size)]
    shapes: list[Option] = [plainest, *(shape for shape in empty if _admissible(component, shape))]
    full = {factor: [size for size in options if not _empty(size)] for factor, options in factors.items()}
    for factor in sorted(full, key=lambda each: -len(full[each])):
        for size in full[factor]:
            for attempt in range(0 if _occurs(size, shapes) else _ATTEMPTS):
                shape = dict(size)
                for other in (each for each in full if each != factor):
                    missing = [option for option in full[other] if not _occurs(option, shapes)]
                    # Two large sizes may not go together; then any others will do.
                    choice = missing if missing and attempt < _ATTEMPTS // 2 else full[other]
                    shape |= choice[int(generator.integers(len(choice)))]
                if _admissible(component, shape):
                    shapes.append(shape)
                    break
    return shapes


def _empty(size: Option) -> bool:
    return 0 in size.values()


def _occurs(size: Option, shapes: list[Option]) -> bool:
    return any(size.items() <= shape.items() for shape in shapes)


def _admissible(component: Component, shape: Option) -> bool:
    """Say whether the sizes go with the plainest of everything else."""
    plain = component.plainest("float64")
    return component.admissible(plain.but(**shape))


def _size_factors(component: Component) -> dict[str, list[Option]]:
    """Select the factors whose options are whole numbers."""
    return {
        factor: list(options)
        for factor, options in component.factors.items()
        if all(type(value) is int for option in options for value in option.values())
    }
