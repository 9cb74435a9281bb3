"""What a derived bound is worth: results of right and of wrong variants beside assay's bound, and beside allclose's.

    assay       |actual - y| / S        the oracle's bound of class 2, which holds for every input that is random
    allclose    |actual - y| / (1e-2 + 1e-2 |y|)

The same variants on the same inputs, attention in bfloat16. Values have three sizes, a 64th, 1 and 64: attention is
linear in them, and so is every error, so that a verdict should not depend on it. A result counts as wrong where what
the variant computes in float64 is off by more than a unit in the last place of bfloat16, of the result's root mean
square: this asks no bound. Results of wrong variants that are nearer are left out, as are variants of 16 bits alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ...oracle.rounding.bound import Bound
from ...oracle.rounding.formats import FORMATS
from ...oracle.rounding.numerics import precision_classes
from ..components import COMPONENTS
from ..terms.case import Case
from ..terms.comparison import ratios
from ..terms.inputs import Inputs
from ..terms.rounding import NUMPY, Array
from ..variants import Variant, find, variants
from .kinds import Plot, Shown, Strip, Table, Topic, figure, found

DTYPE: Final = "bfloat16"
TOLERANCE: Final = 1e-2
"""Both of allclose's, relative and absolute: KernelBench's."""
SIZES: Final = (2.0**-6, 1.0, 2.0**6)
SHAPES: Final = ((17, "none"), (65, "causal"), (129, "random"))
"""Length and mask."""
_CONVENTIONS: Final = {"causal_alignment": "top-left", "masked_row": "zero"}
_UNIT: Final = 2 * FORMATS[DTYPE].unit_roundoff


@dataclass(frozen=True)
class Result:
    """What one variant has given for one input."""

    variant: str
    wrong: bool
    size: float
    """Of the values."""
    length: int
    mask: str
    assay: float
    """The largest error over assay's bound; infinite where a number is NaN that should not be."""
    allclose: float
    """The same over what allclose allows."""


@dataclass(frozen=True)
class _Asked:
    """One input, and what is due."""

    case: Case
    size: float
    inputs: Inputs
    bound: Bound


def compared() -> list[Variant]:
    """List the variants whose bug or order of operations is one of values in every format, and in no earlier call."""
    return [
        each
        for each in variants("attention")
        if each.vjp is None
        and not (each.conventions or each.numerics or each.beside)
        and {DTYPE, "float64"} <= set(each.dtypes)
        and not each.function.__module__.endswith((".calls", ".from_call_to_call"))
    ]


def results(seed: int, of: Sequence[Variant] | None = None) -> list[Result]:
    """Measure every variant on every input."""
    asked = list(_asked(seed))
    return [result for variant in (compared() if of is None else of) for result in _of(variant, asked)]


def _asked(seed: int) -> Iterator[_Asked]:
    attention = COMPONENTS["attention"]
    numerics = precision_classes(DTYPE)[-1][1]
    for number, (length, mask) in enumerate(SHAPES):
        sizes = {"B": 2, "H": 4, "H_kv": 2, "L_q": length, "L_k": length, "d_k": 64, "d_v": 64}
        case = attention.plainest(DTYPE, seed + number).but(**sizes, mask=mask)
        drawn = attention.make(case)
        for size in SIZES:
            inputs = drawn.but(value=size * drawn.arrays["value"])
            yield _Asked(case, size, inputs, attention.bounds(inputs, numerics, _CONVENTIONS)["result"])


def _of(variant: Variant, asked: Sequence[_Asked]) -> Iterator[Result]:
    for each in asked:
        expected = each.bound.expected
        if variant.wrong:
            exactly = _called(variant, each.inputs, "float64")
            if exactly is None or exactly.shape != expected.shape:
                continue
            size = np.sqrt(np.mean(np.square(expected)))
            if np.max(np.abs(exactly - expected)) <= _UNIT * size:  # what is NaN is off
                continue
        actual = _called(variant, each.inputs, DTYPE)
        if actual is None:
            continue
        ours = float(np.max(ratios(actual, each.bound, DTYPE, statistical=True)))
        length, mask = int(each.case["L_k"]), str(each.case["mask"])
        yield Result(variant.name, variant.wrong, each.size, length, mask, ours, _of_allclose(actual, expected))


def _called(variant: Variant, inputs: Inputs, dtype: str) -> Array | None:
    """Call a variant; None if it refuses."""
    arrays: dict[str, Any] = {
        name: array.astype(NUMPY[dtype]) if array.dtype.kind == "f" else array.copy()
        for name, array in inputs.arrays.items()
    }
    with np.errstate(all="ignore"):
        try:
            return np.asarray(variant.function(**arrays, **inputs.options)).astype(np.float64)
        except NotImplementedError:
            return None


def _of_allclose(actual: Array, expected: Array) -> float:
    """Compute the largest error over what allclose allows."""
    with np.errstate(all="ignore"):
        ratio = np.abs(actual - expected) / (TOLERANCE + TOLERANCE * np.abs(expected))
    return float(np.max(np.where(np.isnan(ratio), np.inf, ratio)))


def strips(of: Sequence[Result]) -> list[Strip]:
    """Put both rules before the same results."""
    right, wrong = ([each for each in of if each.wrong is kind] for kind in (False, True))
    return [
        Strip("assay's bound", [each.assay for each in right], [each.assay for each in wrong]),
        Strip(
            f"allclose(rtol={TOLERANCE:g}, atol={TOLERANCE:g})",
            [each.allclose for each in right],
            [each.allclose for each in wrong],
        ),
    ]


def plot(of: Sequence[Result]) -> Plot:
    """Draw both strips."""
    both = strips(of)
    return Plot(
        "bound",
        f"Attention in {DTYPE}: one bound, one tolerance, the same results",
        " ".join(map(_said, both)),
        "largest error of a result, as a part of what is allowed",
        "results",
        x_log=True,
        strips=both,
    )


def _said(strip: Strip) -> str:
    return (
        f"{strip.name} rejects {strip.rejected} of {len(strip.right)} results of right implementations, and accepts "
        f"{strip.accepted} of {len(strip.wrong)} of wrong ones."
    )


def _measure(seed: int) -> Shown:
    of = results(seed)
    ours, theirs = strips(of)
    largest = max(ours.right)
    by_size = [
        [
            figure(size),
            *(str(count) for strip in strips([each for each in of if each.size == size]) for count in _counts(strip)),
        ]
        for size in SIZES
    ]
    accepted = sorted({each.variant for each in of if each.wrong and each.assay <= 1})
    sentences = [
        _said(ours) + f" These are of {', '.join(accepted)}, whose bug other inputs show." * bool(accepted),
        _said(theirs),
        (
            f"The right results come to {figure(largest)} of assay's bound at most. Each result is that of a variant "
            f"in {DTYPE} for one of {len(SHAPES) * len(SIZES)} inputs; it is wrong where the same variant, in "
            "float64, is off by more than a unit in the last place of the result's root mean square."
        ),
    ]
    heads = (
        "size of the values",
        "assay: right rejected",
        "wrong accepted",
        "allclose: right rejected",
        "wrong accepted",
    )
    names = sorted({each.variant for each in of if each.wrong and each.allclose <= 1 < each.assay})
    told = [
        [name, find(name).sentence, *(str(sum(r.variant == name and bad(r) for r in of)) for bad in (_missed, _caught))]
        for name in names
    ]
    tables = [
        Table("by the size of the values", heads, by_size),
        Table("wrong ones that allclose accepts somewhere", ("variant", "its bug", "accepted", "rejected"), told),
    ]
    return found(sentences, tables, [plot(of)])


def _missed(result: Result) -> bool:
    return result.allclose <= 1


def _caught(result: Result) -> bool:
    return result.allclose > 1


def _counts(strip: Strip) -> tuple[str, str]:
    return f"{strip.rejected} of {len(strip.right)}", f"{strip.accepted} of {len(strip.wrong)}"


TOPIC: Final = Topic("bound", "What a derived bound is worth", "docs/bounds.md", _measure)
