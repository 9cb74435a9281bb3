"""What an implementation may round, and to what: the one thing that every bound takes besides the inputs.

Three precision classes, from strict to lenient; each names what it adds:

    1   Sums and statistics are accumulated in float32 (float64 for float64), everything between them in that format.
    2   Probabilities are rounded to the 16-bit format of the inputs before they meet the values, and so are the
        tensors that pass between the steps of a component; accumulators truncate; exponentials are fast.
    3   Anything else that an adapter declares.

A declaration widens its own term of a bound and no other. One that narrows a term narrows it in every class, so that no
class allows more than the last.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ..spec_error import SpecError
from .formats import FORMATS, Format

SIXTEEN_BITS: Final = ("bfloat16", "float16")

# Declaring one of these keeps an implementation in class 2.
_OF_CLASS_2: Final = ("probabilities", "hidden", "rounding", "exp_error")


@dataclass(frozen=True)
class Numerics:
    """The formats and the habits of one computation. Formats are names in `FORMATS`; None: `accumulate`."""

    input: str
    """The format of the arguments, which are exact in it."""
    output: str
    """The format of the result, rounded to once, at the end."""
    accumulate: str
    """The format of sums, and of all that is not named below."""
    operands: str | None = None
    """Operands of matrix products are rounded to it first (TensorFloat-32, float8). None: they are exact."""
    probabilities: str | None = None
    """Softmax weights are rounded to it before they multiply the values."""
    scores: str | None = None
    """Scores are stored in it before the softmax."""
    hidden: str | None = None
    """Tensors that pass between the steps of a component are stored in it."""
    statistics: str | None = None
    """Row maxima, sums, means and variances are kept in it."""
    exp_error: float = 4.0
    """The error of exp, tanh, sin, cos and pow, in unit roundoffs of `accumulate`; 1 ulp = 2."""
    rounding: str = "nearest"
    """Of the accumulator: `nearest`, or `toward-zero` as some matrix units do."""
    block: int = 1
    """Products that are summed exactly for each rounding of the accumulator."""
    variance: str = "two-pass"
    """`two-pass` (Welford's recurrence is as good), or `one-pass`: mean(x^2) - mean(x)^2."""
    shift: str = "exact"
    """Of logits: `exact`, their maximum is taken off first; or `rounded`, one of the two is rounded before that."""
    gradient_chunks: int = 1
    """How many partial sums of a gradient are rounded to `output`."""

    @property
    def unit(self) -> float:
        """U: the relative error of one operation of the accumulator; truncation doubles it."""
        return FORMATS[self.accumulate].unit_roundoff * (2.0 if self.rounding == "toward-zero" else 1.0)

    @property
    def underflow(self) -> float:
        """eta: the absolute error of one operation; accumulators may flush subnormal numbers to zero."""
        return FORMATS[self.accumulate].smallest_normal

    def roundings(self, terms: int) -> int:
        """Give n: how often the accumulator rounds while it sums so many products."""
        return terms if self.block == 1 else -(-terms // self.block) + 1


def precision_classes(dtype: str, declared: Mapping[str, Any] | None = None) -> tuple[tuple[int, Numerics], ...]:
    """Give (class, numerics) from strict to lenient; the last is what an implementation is held to.

    `declared` are the adapter's `numerics` of that dtype: fields of `Numerics`, in place of those of its class.
    """
    if dtype not in FORMATS:
        raise SpecError(f"dtype is {dtype!r}, which is no number format; the formats are {', '.join(FORMATS)}")
    narrow = dtype in SIXTEEN_BITS
    strict = Numerics(input=dtype, output=dtype, accumulate="float32" if narrow else dtype)
    default = replace(strict, probabilities=dtype, hidden=dtype) if narrow else strict
    ladder = [(1, strict)]
    if default != strict:
        ladder.append((2, default))
    if declared:
        # A gradual step first: what of the declaration belongs to class 2 must not hide behind the rest of it.
        second = replace(default, **{name: value for name, value in declared.items() if name in _OF_CLASS_2})
        last = replace(default, **declared)
        ladder = [(number, _narrowed(step, declared)) for number, step in [*ladder, (2, second)]] + [(3, last)]
        # Two equal steps are one, in the stricter class.
        ladder = [step for k, step in enumerate(ladder) if step[1] not in [each for _, each in ladder[:k]]]
    return tuple(ladder)


def _narrowed(step: Numerics, declared: Mapping[str, Any]) -> Numerics:
    """Take from a declaration what the step would allow more of."""
    return replace(step, **{name: value for name, value in declared.items() if _allows_more(step, name, value)})


def _allows_more(step: Numerics, name: str, declared: Any) -> bool:
    """Say whether a step allows an error that the declaration rules out.

    What a step names no format for is kept in that of its sums.
    """
    own = getattr(step, name) or step.accumulate
    if name == "exp_error":
        return bool(declared < own)
    if name == "block":
        return bool(declared > own)
    return own in FORMATS and declared in FORMATS and not _holds_all_of(FORMATS[own], FORMATS[declared])


def _holds_all_of(one: Format, other: Format) -> bool:
    """Say whether a format holds every number of another."""
    return (
        one.precision >= other.precision
        and one.smallest_exponent - one.precision <= other.smallest_exponent - other.precision
        and one.largest >= other.largest
    )
