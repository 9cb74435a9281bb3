"""Ways in which an adapter may hand arguments and results over wrongly, each as a change that would undo it.

Of a call that is far off, each of them is tried: the implementation is called with the arguments changed so, and what
comes back is changed as the wire says. Where that gives what was due in the first place, this wire is crossed.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..terms.component import Component
from ..terms.inputs import Inputs
from ..terms.rounding import Array, rounded


@dataclass(frozen=True)
class Wire:
    """One of the ways, and what undoes it."""

    seems: str
    """What the adapter seems to do, after "the adapter seems to"."""
    undone: str
    """How that is undone, after "with"."""
    given: Callable[[Inputs], Inputs | None] = lambda inputs: inputs
    """The arguments with which it is called instead; None where the wire has no part in the call."""
    taken: Callable[[Array, Inputs], Array] = lambda result, inputs: result
    """What is made of the result that comes; the arguments are those of the case."""
    due: Callable[[Array], Array] = lambda expected: expected
    """Which part of what is due comes then."""
    instead: Callable[[Inputs], Inputs | None] | None = None
    """The arguments for which the result is due in truth, of a wire that no other call undoes."""
    breaks: bool = False
    """Whether what comes has another shape for certain, if anything comes."""


def wires(component: Component, inputs: Inputs, dtype: str) -> Iterator[Wire]:
    """List the wires of a component, those first that are crossed most often."""
    real = [name for name in component.row.real if name in inputs.arrays]
    yield from _exchanged(real, inputs)
    yield from _masks(component)
    yield from _scales(component, dtype)
    yield from _weights(component, inputs)
    yield from _heads(component)
    yield from _axes(component, inputs)
    yield from _missing_axes(component)
    yield from _instead(real, inputs)


def _exchanged(real: list[str], inputs: Inputs) -> Iterator[Wire]:
    """Exchange two arguments, or two numbers among the options."""
    alike = [(a, b) for a, b in itertools.combinations(real, 2) if inputs.arrays[a].ndim == inputs.arrays[b].ndim]
    numbers = [name for name, value in inputs.options.items() if isinstance(value, float)]
    for a, b in [*alike, *itertools.combinations(numbers, 2)]:

        def given(inputs: Inputs, a: str = a, b: str = b) -> Inputs | None:
            every = inputs.keywords
            return inputs.but(**{a: every[b], b: every[a]}) if a in every and b in every else None

        yield Wire(f"hand {a} and {b} over in each other's place", "them exchanged", given)


def _instead(real: list[str], inputs: Inputs) -> Iterator[Wire]:
    """Hand one argument over in the place of another, which is lost."""
    for a, b in itertools.permutations(real, 2):
        if inputs.arrays[a].ndim != inputs.arrays[b].ndim:
            continue

        def instead(inputs: Inputs, a: str = a, b: str = b) -> Inputs | None:
            return inputs.but(**{b: inputs.arrays[a]})

        yield Wire(f"hand {a} over as {b} as well", f"{a} in the place of {b} in the formula", instead=instead)


def _masks(component: Component) -> Iterator[Wire]:
    """Turn a mask round: the contract's True says that a key is seen."""
    every = tuple(component.row.masks)
    for names in dict.fromkeys([every, *((name,) for name in every)]):

        def given(inputs: Inputs, names: tuple[str, ...] = names) -> Inputs | None:
            there = [name for name in names if name in inputs.arrays]
            return inputs.but(**{name: ~inputs.arrays[name] for name in there}) if there else None

        if names:
            what = " and ".join(names)
            yield Wire(f"hand {what} over with the wrong polarity, True for what is hidden", f"{what} inverted", given)


_SCALED: Final = {"attention": "query", "multi_head_attention": "w_query"}
"""What may be multiplied by a number in place of the scores."""


def _scales(component: Component, dtype: str) -> Iterator[Wire]:
    """Undo scores that are scaled twice, or not at all: by a factor on what they are linear in."""
    name = _SCALED.get(component.name)
    if name is None:
        return

    def by(factor: Callable[[float | None, float], float | None]) -> Callable[[Inputs], Inputs | None]:
        def given(inputs: Inputs) -> Inputs | None:
            array = inputs.arrays[name]
            default = 1 / math.sqrt(array.shape[-1] // inputs.options.get("heads", 1))
            number = factor(inputs.options.get("scale"), default)
            return None if number is None else inputs.but(**{name: rounded(array * number, dtype)})

        return given

    undone = f"{name} multiplied so as to undo that"
    ways: Mapping[str, Callable[[float | None, float], float | None]] = {
        "scale the scores twice": lambda scale, default: 1 / (scale or default),
        "let the default scale come on top of every scale": lambda scale, default: 1 / default,
        "leave out the scale of the scores": lambda scale, default: scale or default,
        "leave out the default scale": lambda scale, default: default if scale is None else None,
        "apply the default scale twice": lambda scale, default: 1 / default if scale is None else None,
        "let the default scale come on top of a scale that is given": lambda scale, default: scale and 1 / default,
        "leave out a scale that is given": lambda scale, default: scale and scale / default,
        "apply a scale that is given twice": lambda scale, default: scale and 1 / scale,
    }
    for seems, factor in ways.items():
        yield Wire(seems, undone, by(factor))


def _weights(component: Component, inputs: Inputs) -> Iterator[Wire]:
    """Transpose matrices of weights, all of them or one."""
    arrays = component.row.arrays
    mine = [name for name in component.row.real if name.startswith("w") and len(arrays[name].split()) == 2]
    mine += [name for name in inputs.arrays if name.startswith("weights.") and inputs.arrays[name].ndim == 2]
    for names in dict.fromkeys([tuple(mine), *((name,) for name in mine)]):

        def given(inputs: Inputs, names: tuple[str, ...] = names) -> Inputs | None:
            return inputs.but(**{name: _moved(inputs.arrays[name], 0, 1) for name in names if name in inputs.arrays})

        if names:
            every = "the matrices of weights" if names == tuple(mine) and len(mine) > 1 else names[0]
            yield Wire(f"hand {every} over transposed", f"{every} transposed", given)


def _heads(component: Component) -> Iterator[Wire]:
    """Undo key and value heads that are tiled where each belongs to consecutive query heads, or mingled channels."""
    if component.name == "attention":
        yield Wire(
            "repeat the heads of key and value one set after another, where each belongs to consecutive query heads",
            "the query heads in that order",
            lambda inputs: inputs.but(**{name: array[:, _tiled(inputs)] for name, array in _of_heads(inputs)}),
            taken=lambda result, inputs: result[:, np.argsort(_tiled(inputs))],
        )
    if component.name == "multi_head_attention":

        def mingled(inputs: Inputs) -> Inputs:
            heads = inputs.options["heads"]
            changed = {name: _mingled(inputs.arrays[name], heads) for name in ("w_query", "w_key", "w_value")}
            return inputs.but(**changed, w_output=_mingled(inputs.arrays["w_output"].T, heads).T)

        yield Wire("split the channels into heads the wrong way round", "the channels in that order", mingled)


def _tiled(inputs: Inputs) -> Array:
    """Give the query heads in the order in which they meet their own keys, if these are tiled."""
    heads, of_keys = inputs.arrays["query"].shape[1], inputs.arrays["key"].shape[1]
    return np.arange(heads).reshape(of_keys, -1).T.ravel()


def _of_heads(inputs: Inputs) -> list[tuple[str, Array]]:
    """List the arguments that have something for each query head."""
    heads = inputs.arrays["query"].shape[1]
    return [
        (n, inputs.arrays[n]) for n in ("query", "mask") if n in inputs.arrays and inputs.arrays[n].shape[1] == heads
    ]


def _mingled(weight: Array, heads: int) -> Array:
    """Put the channels of all heads side by side: the first of each, then the second of each."""
    return weight.reshape(len(weight), heads, -1).swapaxes(1, 2).reshape(weight.shape)


def _axes(component: Component, inputs: Inputs) -> Iterator[Wire]:
    """Exchange two axes of the arguments, of the result, or of both."""
    axes = next(iter(component.row.results.values()), "").split()
    names = [name for name in component.row.real if not name.startswith("w") and name in inputs.arrays]
    most = max((inputs.arrays[name].ndim for name in names), default=0)
    for i, j in itertools.combinations(range(most), 2):
        words = f"axes {i} and {j}"
        if len(axes) == most and "..." not in axes:
            words = f"the axes {axes[i]} and {axes[j]}"

        def given(inputs: Inputs, i: int = i, j: int = j) -> Inputs:
            return inputs.but(
                **{
                    n: _moved(inputs.arrays[n], i, j)
                    for n in names
                    if n in inputs.arrays and inputs.arrays[n].ndim == most
                }
            )

        def taken(result: Array, _: Inputs, i: int = i, j: int = j) -> Array:
            return _moved(result, i, j) if result.ndim == most else result

        yield Wire(f"exchange {words} of arguments and result", "them exchanged in both", given, taken)
        yield Wire(f"exchange {words} of the arguments", "them exchanged", given)
        yield Wire(f"exchange {words} of the result", "them exchanged", taken=taken)


def _missing_axes(component: Component) -> Iterator[Wire]:
    """Call it with the first item of a batch, and with the first head of that."""
    axes = {**component.row.arrays, **component.row.masks}
    result = next(iter(component.row.results.values()), "").split()
    for count, words in enumerate((("B",), ("B", "H")), 1):
        if result[: len(words)] != list(words):
            continue

        def given(inputs: Inputs, count: int = count) -> Inputs:
            first: dict[str, Any] = {
                name: inputs.arrays[name][(0,) * count]
                for name, text in axes.items()
                if name in inputs.arrays and text.split()[0] == "B"
            }
            return inputs.but(**first)

        def due(expected: Array, count: int = count) -> Array:
            first: Array = expected[(0,) * count]
            return first

        yield Wire(
            f"take no {' and no '.join({'B': 'batch', 'H': 'head'}[word] for word in words)} axis",
            "one item alone" if count == 1 else "one head of one item alone",
            given,
            due=due,
            breaks=True,
        )


def _moved(array: Array, i: int, j: int) -> Array:
    return np.ascontiguousarray(array.swapaxes(i, j))
