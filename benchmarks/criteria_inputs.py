"""The inputs on which other projects use their rules: their distributions and kinds of shapes, made smaller for a CPU.

Batches are cut to 2 (7 sequences for transformers) and heads to 4, which leaves fewer elements to be wrong in. Lengths
are the projects' own up to 2048 (1024 where it is causal, and for FlexAttention), as the size of a result depends on
them; so are distributions, options, and what is odd or even about a size.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from assay.conformance.cases.drawing import covering_cases
from assay.conformance.terms.component import Component, Inputs
from assay.conformance.terms.rounding import rounded

Array = np.ndarray[Any, np.dtype[Any]]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]


@dataclass(frozen=True)
class Asked:
    """One question: the arguments, exact in T, and what gradients are taken along."""

    inputs: Inputs
    cotangent: Array
    generic: bool = False
    """Whether assay's statistical bound holds for the value: values are random, with a mean of zero."""
    generic_cotangent: bool = False
    """Whether that is so for the cotangent, too: the bound of the gradients needs both."""


def normal(size: float = 1.0) -> Draw:
    """Make a draw of normal numbers with that deviation."""
    return lambda generator, shape: size * generator.standard_normal(shape)


def uniform(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw from [0, 1), as torch.rand and numpy's rand do."""
    return generator.random(shape)


def small_integers(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """0.001 times 0 ... 199."""
    return 0.001 * generator.integers(0, 200, shape)


POSITIVE: Final = (uniform, small_integers)
"""Errors that positive factors carry have one sign: they add up where a statistical bound lets them cancel."""


# Attention


@dataclass(frozen=True)
class Shape:
    """B, H, H_kv, L_q, L_k, d_k, d_v, and the options."""

    batch: int
    heads: int
    groups: int
    queries: int
    keys: int
    d_k: int
    d_v: int
    mask: str = ""
    causal: bool = False
    scale: float | None = None


_XFORMERS: Final = (  # any lengths; LowerTriangularMask begins in the first key, whatever the lengths are
    Shape(2, 3, 3, 117, 203, 72, 72),
    Shape(1, 4, 4, 31, 256, 8, 8),
    Shape(2, 2, 2, 97, 64, 40, 88, causal=True),
    Shape(1, 3, 3, 64, 131, 32, 32, causal=True),
    Shape(2, 3, 3, 50, 83, 120, 120, mask="each element"),
    Shape(2, 4, 4, 33, 77, 48, 48, mask="keys"),
)
SHAPES: Final[dict[str, tuple[Draw, Draw, Sequence[Shape]]]] = {
    # Values, cotangent, shapes. FlashAttention aligns its causal mask with the last key: causal only where L_q = L_k.
    "flash": (
        normal(),
        normal(),
        (
            Shape(2, 3, 3, 113, 203, 59, 59),
            Shape(1, 4, 2, 128, 217, 64, 64),
            Shape(1, 2, 2, 256, 512, 111, 111),
            Shape(1, 2, 1, 256, 256, 32, 32, causal=True),
            Shape(1, 1, 1, 1024, 1024, 64, 64, causal=True),
        ),
    ),
    "sdpa": (
        uniform,
        uniform,
        (
            Shape(2, 3, 3, 143, 256, 64, 64),
            Shape(1, 3, 3, 256, 143, 16, 16),
            Shape(1, 1, 1, 256, 2048, 64, 64),
            Shape(2, 3, 3, 143, 143, 32, 32, causal=True),
        ),
    ),
    "flex": (
        normal(),
        normal(),
        (
            Shape(1, 1, 1, 1024, 1024, 64, 64),
            Shape(1, 1, 1, 1024, 1024, 64, 64, causal=True),
            Shape(1, 4, 2, 256, 256, 64, 64),
        ),
    ),
    "xformers": (normal(3.0), normal(), _XFORMERS),
    "engine": (
        normal(0.1),
        small_integers,
        (
            Shape(2, 4, 4, 128, 128, 64, 64),
            Shape(1, 1, 1, 2048, 2048, 128, 128),
            Shape(1, 2, 2, 1024, 1024, 64, 64, causal=True),
        ),
    ),
    "sequences": (
        normal(),
        normal(),
        (
            Shape(7, 4, 4, 7, 7, 16, 16, mask="last item, left"),
            Shape(7, 4, 4, 7, 7, 16, 16, mask="last item, right"),
            Shape(7, 4, 2, 7, 7, 16, 16, mask="last item, left", causal=True),
        ),
    ),
    "uniform": (uniform, uniform, (Shape(1, 1, 1, 512, 512, 1024, 1024),) * 2),
    "nodes": (
        uniform,
        uniform,
        (
            Shape(2, 3, 3, 4, 6, 8, 8),
            Shape(2, 3, 3, 4, 6, 8, 10),
            Shape(2, 9, 3, 4, 6, 8, 8),
            Shape(2, 3, 3, 4, 6, 8, 8, causal=True),
            Shape(2, 3, 3, 4, 6, 8, 8, scale=1e-2),
            Shape(2, 3, 3, 4, 6, 8, 8, mask="each element"),
            Shape(2, 3, 3, 4, 6, 8, 8, mask="one row"),
            Shape(2, 3, 3, 4, 6, 8, 8, mask="each element", causal=True),
        ),
    ),
    "normal": (normal(), normal(), (Shape(2, 4, 4, 64, 64, 32, 32), Shape(2, 4, 4, 64, 64, 32, 32, causal=True))),
}


def attention_inputs(kind: str, component: Component, dtype: str) -> list[Asked]:
    """Make the questions on attention of one kind of test."""
    draw, of_cotangent, shapes = SHAPES[kind]
    asked = []
    for number, each in enumerate(shapes):
        generator = np.random.default_rng(number)
        sizes = {
            "query": (each.batch, each.heads, each.queries, each.d_k),
            "key": (each.batch, each.groups, each.keys, each.d_k),
            "value": (each.batch, each.groups, each.keys, each.d_v),
        }
        arrays = {name: rounded(draw(generator, shape), dtype) for name, shape in sizes.items()}
        if each.mask:
            arrays["mask"] = _mask(each, generator)
        inputs = Inputs(arrays, {"causal": each.causal, "scale": each.scale})
        cotangent = rounded(of_cotangent(generator, component.shape(inputs)), dtype)
        asked.append(Asked(inputs, cotangent, draw not in POSITIVE, of_cotangent not in POSITIVE))
    return asked


def _mask(shape: Shape, generator: np.random.Generator) -> Array:
    """Draw a mask, True where a query may attend."""
    whole = (shape.batch, shape.heads, shape.queries, shape.keys)
    if shape.mask == "keys":
        lengths = generator.integers(1, shape.keys + 1, shape.batch)
        return np.arange(shape.keys) < lengths[:, None, None, None]
    if shape.mask.startswith("last item"):
        seen = np.ones((shape.batch, 1, 1, shape.keys), bool)
        seen[-1, ..., : shape.keys // 2] = not shape.mask.endswith("left")
        seen[-1, ..., shape.keys // 2 :] = not shape.mask.endswith("right")
        return seen
    seen = generator.random(whole) < 0.7
    seen[..., 0] = True
    if shape.mask == "one row":
        seen[:, :, 0] = False
    return seen


# Every component

OFFERED: Final = 8
"""Questions, of which the first three that the reference supports are asked."""


def component_inputs(kind: str, component: Component, dtype: str) -> list[Asked]:
    """Ask questions on any component: attention's own, or so many that the reference supports some."""
    if component.name == "attention":
        return attention_inputs(kind, component, dtype)
    draw, of_cotangent, _ = SHAPES[kind]
    asked = []
    for number, case in enumerate(_cases(component, dtype, small=kind == "nodes")):
        generator = np.random.default_rng(number)
        given = component.make(case)
        arrays = {
            name: rounded(_filled(kind, name, array.shape, draw, generator), dtype or "float64")
            if array.dtype.kind == "f"
            else array
            for name, array in given.arrays.items()
        }
        inputs = Inputs(arrays, given.options)
        cotangent = rounded(of_cotangent(generator, component.shape(inputs)), dtype or "float64")
        generic = draw not in POSITIVE and component.generic(case)
        asked.append(Asked(inputs, cotangent, generic, of_cotangent not in POSITIVE))
    return asked


def _filled(kind: str, name: str, shape: tuple[int, ...], draw: Draw, generator: np.random.Generator) -> Array:
    last = name.rpartition(".")[2]
    if kind == "uniform" and last in ("gain", "bias"):
        return np.full(shape, float(last == "gain"))  # a module's own, before any training
    values = draw(generator, shape)
    matrix = last.startswith("w_") or last == "w"
    return values / math.sqrt(shape[0]) if matrix and kind != "nodes" else values


def _cases(component: Component, dtype: str, *, small: bool) -> list[Any]:
    """Choose cases of middling size, with any options: a fifth up the sizes for node tests, else four fifths."""
    first = {name: options[0] for name, options in component.factors.items()}
    plain = {key: value for name in ("regime", "layout") if name in first for key, value in first[name].items()}
    every = [case.but(**plain) for case in covering_cases(component, dtype, 0)]
    sizes = {
        case: [array.size for array in component.make(case).arrays.values()] or [1] for case in dict.fromkeys(every)
    }
    order = sorted((case for case, each in sizes.items() if all(each)), key=lambda case: sum(sizes[case]))
    place = len(order) // 5 if small else 4 * len(order) // 5
    return order[place : place + OFFERED]
