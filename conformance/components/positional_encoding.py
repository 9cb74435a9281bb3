"""Positional encoding: its cases, and the clauses that only it has.

It takes no arrays, so it has no dtype: the table is judged in the format in which it comes, angles formed in float32
at least. The seed of a case changes nothing.
"""

from collections.abc import Iterator

import numpy as np

from ...oracle.rounding.bound import Bound
from ..terms.at_size import AtSize
from ..terms.case import Case
from ..terms.clause import clause
from ..terms.component import Array, Component, Conventions, Inputs, factor, register
from ..terms.requirements import require_within, skip_unless
from ..terms.trial import Trial
from ..terms.verdict import Violation

_SOURCE = "paper, section 3.5"

# Even and odd, the smallest, and those of models.
_WIDTHS = (4, 1, 2, 3, 5, 6, 7, 16, 33, 64, 65, 128, 512)

# Around the usual ends of tables, and far beyond them.
_LENGTHS = (3, 1, 2, 5, 17, 50, 129, 513, 1025, 5000, 20000, 0)

_LARGEST = 2**16
"""Elements of a table."""


def _make(case: Case) -> Inputs:
    return Inputs({}, {"length": case["length"], "d_model": case["d_model"]})


def _exact(case: Case, inputs: Inputs, bound: Bound, conventions: Conventions) -> Array:
    """Mark position 0: sin 0 = 0 and cos 0 = 1."""
    first = np.zeros(bound.expected.shape, bool)
    first[:1] = True
    return first


def _variations(case: Case) -> dict[str, tuple[Inputs, Inputs]]:
    """Give other sizes, so that a table which is kept from one call to the next shows."""
    given = _make(case)
    longer, wider = case["length"] + 3, case["d_model"] + 6
    return {
        "length": (given, given.but(length=longer)),
        "d_model": (given, given.but(d_model=wider)),
        "length and d_model": (given, given.but(length=longer, d_model=wider)),
    }


POSITIONAL_ENCODING: Component = register(
    Component(
        name="positional_encoding",
        formula="PE(pos, 2i) = sin(pos / 10000^(2i/d_model)), PE(pos, 2i + 1) = cos(the same)",
        source="paper, section 3.5",
        factors={
            "length": factor("length", *_LENGTHS),
            "width": factor("d_model", *_WIDTHS),
        },
        inputs=_make,
        coinciding=("length", "d_model"),
        against=("length", "d_model"),
        generic=lambda case: True,
        admissible=lambda case: case["d_model"] > 0 and case["length"] * case["d_model"] <= _LARGEST,
        exact=_exact,
        variations=_variations,
        at_size=AtSize(factor("length d_model", (3, 4), (300, 700), (65_537, 5), (131_073, 6), (1_000_003, 2)), {}),
        large=factor("length d_model", (257, 64), (5000, 7), (127, 512)),
    )
)


def _pairs(table: Array, trial: Trial) -> tuple[Array, Array]:
    """Split sines and cosines, pair by pair, in the declared layout; a sine without a cosine is left out."""
    pairs = table.shape[-1] // 2
    if trial.conventions["positional_layout"] == "concatenated":
        sines = table.shape[-1] - pairs
        return table[..., :pairs], table[..., sines:]
    return table[..., 0 : 2 * pairs : 2], table[..., 1::2]


@clause(
    "PE-1",
    "positional_encoding",
    "A longer table begins with the shorter one.",
    formula="PE(pos) does not depend on the length",
    why="It compares tables of two lengths: one that is counted from its end changes with the length.",
    source=_SOURCE,
)
def longer_table(trial: Trial) -> float:
    """Compare within both bounds: another length may be computed another way."""
    length = trial.case["length"]
    skip_unless(length > 0)
    longer = trial.inputs.but(length=length + max(1, length // 3))
    shorter, begins = trial.call(), trial.call(longer)[:length]
    claim = f"a table of {longer.options['length']} positions does not begin with that of {length}"
    return trial.require_same(begins, shorter, 2 * trial.bound().worst, claim)


@clause(
    "PE-2",
    "positional_encoding",
    "The squares of the sine and the cosine of a pair sum to one.",
    formula="PE(pos, 2i)^2 + PE(pos, 2i + 1)^2 = 1",
    why="It needs no angle: sine and cosine of a pair must be of the same one, whatever that is.",
    source=_SOURCE,
)
def on_the_circle(trial: Trial) -> float:
    """Compare within what the bounds of both let through."""
    skip_unless(trial.case["length"] > 0 and trial.case["d_model"] > 1)
    s, c = _pairs(trial.call(), trial)
    w_s, w_c = _pairs(trial.bound().worst, trial)
    allowance = w_s * (2 * np.abs(s) + w_s) + w_c * (2 * np.abs(c) + w_c)
    claim = "sine and cosine of a pair are not of one angle: by position and pair, the sum of their squares"
    return trial.require_same(s**2 + c**2, np.ones_like(s), allowance, claim)


@clause(
    "PE-3",
    "positional_encoding",
    "The encoding of a position k further on is a rotation of each pair that depends on k only.",
    formula="PE(pos + k) = R_k PE(pos), R_k the rotation by k / 10000^(2i/d_model)",
    why="It states the paper's reason for sines, that a shift is linear, and reads the rotation off the table.",
    source='paper, section 3.5: "PE(pos + k) can be represented as a linear function of PE(pos)"',
)
def rotation(trial: Trial) -> float:
    """Read the rotation off position k of the table itself."""
    length = trial.case["length"]
    skip_unless(length > 2 and trial.case["d_model"] > 1)
    s, c = _pairs(trial.call(), trial)
    w_s, w_c = _pairs(trial.bound().worst, trial)
    ratio = 0.0
    for k in sorted({1, length // 2}):
        here, by, there = slice(0, length - k), slice(k, k + 1), slice(k, None)
        turned_s = s[here] * c[by] + c[here] * s[by]
        turned_c = c[here] * c[by] - s[here] * s[by]
        of_s = _product(s[here], w_s[here], c[by], w_c[by]) + _product(c[here], w_c[here], s[by], w_s[by])
        of_c = _product(c[here], w_c[here], c[by], w_c[by]) + _product(s[here], w_s[here], s[by], w_s[by])
        claim = f"position pos + {k} is no rotation of position pos by the angles of position {k}: by position and pair"
        ratio = max(ratio, trial.require_same(turned_s, s[there], w_s[there] + of_s, f"{claim}, the sine"))
        ratio = max(ratio, trial.require_same(turned_c, c[there], w_c[there] + of_c, f"{claim}, the cosine"))
    return ratio


def _product(a: Array, w_a: Array, b: Array, w_b: Array) -> Array:
    """Bound the error of a product whose factors have the errors w."""
    return np.asarray(np.abs(a) * w_b + np.abs(b) * w_a + w_a * w_b)


@clause(
    "PE-4",
    "positional_encoding",
    "The wavelengths form a geometric progression from 2 pi to 10000 * 2 pi.",
    formula="the angle at position 1 is 10000^(-2i/d_model)",
    why="It reads the wavelengths off position 1, and names the first pair in which base or exponent is wrong.",
    source=_SOURCE,
)
def wavelengths(trial: Trial) -> float:
    """Look at the angle of each pair at position 1."""
    d_model = trial.case["d_model"]
    skip_unless(trial.case["length"] > 1 and d_model > 1)
    s, c = (each[1] for each in _pairs(trial.call(), trial))
    off = sum(each[1] for each in _pairs(trial.bound().worst, trial))
    due = 10000.0 ** (-2.0 * np.arange(d_model // 2) / d_model)
    # A point at most `off` from the circle's point at an angle is seen within arcsin(off) of that angle.
    claim = f"a wavelength is wrong (d_model {d_model}): by pair, the angle at position 1"
    return trial.require_same(np.arctan2(s, c), due, np.arcsin(np.minimum(off, 1.0)), claim)


@clause(
    "PE-5",
    "positional_encoding",
    "Sines and cosines lie in their channels as `positional_layout` declares: interleaved, or half and half.",
    formula="PE(pos, 2i) = sin, PE(pos, 2i + 1) = cos; at position 0 these are 0 and 1",
    why="It says in which channels sines and cosines lie, as position 0 shows without any rounding.",
    source=_SOURCE,
)
def channels(trial: Trial) -> float:
    """Compare position 0 bit for bit."""
    skip_unless(trial.case["length"] > 0 and trial.case["d_model"] > 1)
    layout = trial.conventions["positional_layout"]
    first = trial.call()[0]
    due = trial.bound().expected[0]
    # At position 0 one layout is the other's permutation: alternating, or zeros and then ones.
    layouts = {"interleaved": np.arange(len(due)) % 2 == 1, "concatenated": np.arange(len(due)) > (len(due) - 1) // 2}
    for other, ones in layouts.items():
        if np.array_equal(first, ones) and not np.array_equal(first, due):
            raise Violation(f"position 0 is laid out as {other!r}, but {layout!r} is declared")
    for name, one in (("cosines where sines are due", 0), ("sines where cosines are due", 1)):
        if (first[due == one] == 1 - one).all():
            raise Violation(f"in the layout {layout!r}, position 0 holds {name}")
    return trial.require_bits(first, due, f"position 0 is not zeros and ones in the layout {layout!r}")


@clause(
    "PE-6",
    "positional_encoding",
    "With an odd d_model the last channel is a sine, and d_model itself stands in the exponent.",
    formula="PE(pos, d_model - 1) = sin(pos / 10000^((d_model - 1)/d_model))",
    why="It names the last sine of an odd width, where a width that is rounded, or a missing half pair, shows.",
    source="the formula of section 3.5, for the channels that there are",
    prepare=lambda case: case if case["d_model"] % 2 else case.but(d_model=case["d_model"] + 1),
)
def odd_width(trial: Trial) -> float:
    """Compare the last sine with its bound."""
    d_model = trial.case["d_model"]
    skip_unless(trial.case["length"] > 0)
    last = d_model // 2 if trial.conventions["positional_layout"] == "concatenated" else d_model - 1
    actual, bound = trial.call()[:, last], trial.bound()
    claim = f"with d_model = {d_model}, which is odd, the sine in channel {last} is wrong: by position"
    return trial.require_same(actual, bound.expected[:, last], bound.worst[:, last], claim)


def _far(component: Component, dtype: str, seed: int) -> Iterator[Case]:
    plain = component.plainest(dtype, seed)
    for length, width in ((300, 4), (2049, 2), (1900, 33), (4090, 16), (8193, 5), (20000, 3), (65536, 1)):
        yield plain.but(length=length, d_model=width)


@clause(
    "PE-7",
    "positional_encoding",
    "Angles are formed in float32 at least: far positions are as right as that allows.",
    formula="|angle error| <= pos w U (2 + c_e + 3 |ln w| + [pos]), U that of float32 or of the table's own format",
    role="decides",
    why="It judges positions up to 65535, where the covering set ends at 19999, and names the first wrong one.",
    source="docs/bounds.md; 257 is no number of bfloat16, and 2049 none of float16",
    cases=lambda component, dtype, seed: list(_far(component, dtype, seed)),
)
def far_positions(trial: Trial) -> float:
    """Judge far positions; the bound grows with the position, as an angle's own rounding does."""
    actual = trial.call()
    worst, bound = trial.judge(actual), trial.bound()
    right = (np.abs(actual - bound.expected) <= bound.worst).all(-1)
    first = int(np.argmin(right)) if right.size else 0
    return require_within(worst, f"of {trial.case['length']} positions, {first} is the first that is wrong")
