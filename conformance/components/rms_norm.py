"""Root mean square normalisation: its cases, and the clauses that only it has."""

import numpy as np

from ...oracle.rounding.formats import FORMATS, half_ulp
from ...oracle.rounding.numerics import SIXTEEN_BITS
from ..cases.norms import dependents, rows_of, shape_of
from ..cases.values import draw, generator_of
from ..terms.at_size import AtSize
from ..terms.case import Case
from ..terms.clause import clause
from ..terms.component import LAYOUTS, Array, Component, Conventions, Inputs, factor, register
from ..terms.requirements import require_within, skip_unless
from ..terms.rounding import rounded
from ..terms.trial import Trial

SOURCE = "Zhang and Sennrich 2019, equation 4"

# Around the tiles of vector units, and the widths of models.
_WIDTHS = (3, 1, 2, 5, 7, 8, 16, 17, 33, 64, 65, 127, 128, 129, 257, 513, 768, 1000)

_REGIMES = (
    *("normal", "uniform", "integers", "zero", "constant", "zero-gain", "narrow", "offset", "mixed"),
    *("ties", "large", "squares-large", "tiny", "subnormal"),
)


def _make(case: Case) -> Inputs:
    regime, dtype, d = case["regime"], case["dtype"], case["d"]
    if regime == "squares-large":
        # Numbers of every format, whose squares float16 does not hold.
        x = generator_of(case, "x", regime).choice([300.0, -300.0, 2.0**14], shape_of(case))
    else:
        x = rows_of(case, narrow=(1e-1, 1e-2, 1e-3, 1e-4))
    gain = np.ones(d) if case["gain"] == "ones" else draw(case, "gain", (d,), "normal", dtype)
    if regime == "zero-gain":
        # 0 and -1: either of them makes one of the factors `rms_gain` zero.
        gain = generator_of(case, "gain", regime).choice([0.0, -1.0], d)
    options = {} if case["epsilon"] == "default" else {"epsilon": case["epsilon"]}
    return Inputs({"x": rounded(x, dtype), "gain": gain}, options)


def _variations(case: Case) -> dict[str, tuple[Inputs, Inputs]]:
    plain = case.but(regime="narrow", layout="contiguous")
    return {"epsilon": (_make(plain.but(epsilon="default")), _make(plain.but(epsilon=0.25)))}


RMS_NORM: Component = register(
    Component(
        name="rms_norm",
        formula="gain x / sqrt(mean(x^2) + epsilon)",
        source=SOURCE,
        factors={
            "axes": factor("axes", 3, 1, 2, 4),
            "rows": factor("B L", (1, 1), (1, 2), (2, 1), (2, 3), (3, 5), (0, 2), (2, 0)),
            "width": factor("d", *_WIDTHS),
            "gain": factor("gain", "normal", "ones"),
            "epsilon": factor("epsilon", "default", 1e-12, 1e-3, 0.25),
            "regime": factor("regime", *_REGIMES),
            "layout": factor("layout", *LAYOUTS),
        },
        inputs=_make,
        coinciding=("B", "L", "d"),
        against=("d",),
        admissible=lambda case: 1 <= case["axes"] <= 4 and case["d"] > 0,
        exact=lambda case, inputs, bound, conventions: np.asarray(bound.expected == 0),
        exact_regimes=("zero", "zero-gain"),
        variations=_variations,
        dependents=dependents,
        rescaled=({"gain": (0, 1)}, {"x": (None, 1)}),
        at_size=AtSize(
            factor(
                "axes B L d",
                (3, 1, 1, 3),
                (3, 3, 3101, 12),
                (3, 3, 2, 700),
                (2, 1, 5, 4097),
                (3, 1, 2, 65_536),
                (2, 1, 65_537, 3),
                (3, 65_537, 1, 2),
                (2, 1, 1_000_003, 1),
            ),
            {
                "regime": factor("regime", "normal", "offset", "mixed"),
                "layout": factor("layout", "contiguous", "swapped", "mixed"),
            },
        ),
        large=factor("axes B L d", (3, 2, 128, 64), (2, 1, 96, 768)),
    )
)


def _rows(trial: Trial) -> Array:
    """Give x; the clause does not apply where it has no rows."""
    x = trial.inputs.arrays["x"]
    skip_unless(x.size)
    return x


def _epsilon(inputs: Inputs) -> float:
    return float(inputs.options.get("epsilon", RMS_NORM.row.options["epsilon"]))


def _gain_of(multiplier: Array, conventions: Conventions) -> Array:
    """Give the gain that multiplies the row by that."""
    return multiplier - 1 if conventions["rms_gain"] == "one_plus_w" else multiplier


@clause(
    "RMS-1",
    "rms_norm",
    "Scaling a row by a negative number, and epsilon by its square, changes the sign and nothing else.",
    formula="RMS(-8 x; 64 epsilon) = -RMS(x; epsilon)",
    why="It compares two calls: epsilon outside the root, or none, does not scale with the square of the row.",
    source=SOURCE,
    prepare=lambda case: case.but(regime="narrow"),
)
def scale_invariant(trial: Trial) -> float:
    """Scale by a power of two, so that the product is exact; compare within both bounds."""
    scaled = trial.inputs.but(x=-8 * _rows(trial), epsilon=64 * _epsilon(trial.inputs))
    skip_unless((rounded(scaled.arrays["x"], trial.dtype) == scaled.arrays["x"]).all())
    allowance = trial.bound().worst + trial.bound(scaled).worst
    claim = "a row -8 times as large, with epsilon 64 times as large, gives more than another sign"
    return trial.require_same(trial.call(scaled), -trial.call(), allowance, claim)


@clause(
    "RMS-2",
    "rms_norm",
    "Without a gain, a row has the mean square q / (q + epsilon), q its own mean square, divided by d.",
    formula="mean(z^2) = q / (q + epsilon), q = sum(x^2) / d",
    why="It needs no expected value: a sum divided by d - 1, or over a part of the row, is read off the row.",
    source=SOURCE,
)
def mean_square(trial: Trial) -> float:
    """Compare within what the bounds of the elements let through."""
    x = _rows(trial)
    plain = trial.inputs.but(gain=_gain_of(np.ones(x.shape[-1]), trial.conventions))
    bound, z = trial.bound(plain), trial.call(plain)
    q = np.square(x).mean(-1)
    with np.errstate(invalid="ignore"):  # 0 times a bound without limit: a row that cannot be judged
        allowance = (2 * np.abs(bound.expected) * bound.worst + bound.worst**2).mean(-1)
    claim = "the mean square of a normalised row is not q / (q + epsilon), q = mean(x^2)"
    return trial.require_same(np.square(z).mean(-1), q / (q + _epsilon(plain)), allowance, claim)


@clause(
    "RMS-3",
    "rms_norm",
    "Epsilon, as it is given, stands under the root.",
    formula="y = gain x / sqrt(q + epsilon)",
    why="It judges nothing but rows whose mean square is about epsilon, and says so.",
    source="every framework: torch, JAX, Keras, MLX, ONNX; the paper has no epsilon",
    prepare=lambda case: case.but(regime="narrow"),
)
def epsilon_under_root(trial: Trial) -> float:
    """Take rows whose mean square lies above, near and far below epsilon."""
    _rows(trial)
    worst = trial.judge(trial.call())
    given = f"epsilon {_epsilon(trial.inputs):g}"
    return require_within(
        worst, f"rows whose root mean square is 0.1 to 1e-4 are wrong, where {given} under the root counts"
    )


@clause(
    "RMS-4",
    "rms_norm",
    "No mean is subtracted: a constant row gives the gain, with its sign.",
    formula="x = c: y = gain c / sqrt(c^2 + epsilon)",
    why="It names the mean, which is all that a constant row has: layer normalisation leaves nothing of it.",
    source=SOURCE,
    prepare=lambda case: case.but(regime="constant"),
)
def no_mean_subtracted(trial: Trial) -> float:
    """Compare within the bound."""
    _rows(trial)
    return require_within(trial.judge(trial.call()), "a constant row does not give the gain with the sign of the row")


@clause(
    "RMS-5",
    "rms_norm",
    "Each channel of the normalised row is multiplied by its gain, or by 1 + gain where that is declared.",
    formula="RMS(x; gain) = gain RMS(x; 1), or RMS(x; gain) = (1 + gain) RMS(x; 0)",
    why="It takes the gain apart: a power of two is an exact factor, and it says which factor is declared.",
    source=f"{SOURCE}; 1 + gain: Gemma",
)
def gain_as_declared(trial: Trial) -> float:
    """Take factors that are powers of two; compare within both bounds."""
    x = _rows(trial)
    d = x.shape[-1]
    generator = trial.generator("gain")
    multiplier = generator.choice([-1.0, 1.0], d) * 2.0 ** generator.integers(-3, 4, d)
    plain = trial.inputs.but(gain=_gain_of(np.ones(d), trial.conventions))
    scaled = plain.but(gain=_gain_of(multiplier, trial.conventions))
    allowance = trial.bound(scaled).worst + np.abs(multiplier) * trial.bound(plain).worst
    claim = (
        f"the result is not the normalised row times its multiplier, with rms_gain = {trial.conventions['rms_gain']}"
    )
    return trial.require_same(trial.call(scaled), multiplier * trial.call(plain), allowance, claim)


@clause(
    "RMS-7",
    "rms_norm",
    "Where the row is declared to be rounded before the product with the gain, every element is the gain times a "
    "number of the input's format, rounded once.",
    formula="y = RN(gain RN(x / sqrt(q + epsilon)))",
    source="rms_cast = before: Llama",
)
def row_rounded_first(trial: Trial) -> float:
    """Take factors of a few bits, whose products are exact; the row may round to either neighbour."""
    x, dtype = _rows(trial), trial.dtype
    skip_unless(trial.conventions["rms_cast"] == "before" and dtype in SIXTEEN_BITS)
    d, generator = x.shape[-1], trial.generator("factor")
    multiplier = generator.choice([-1.0, 1.0], d) * generator.integers(1, 64, d) / 16
    given = trial.inputs.but(gain=_gain_of(multiplier, trial.conventions))
    unrounded = {**trial.conventions, "rms_gain": "w", "rms_cast": "after"}
    row = trial.bound(given.but(gain=np.ones(d)), unrounded)
    reach = row.worst - row.half_ulp
    size = np.abs(row.expected)
    low, high = rounded(np.maximum(size - reach, 0), dtype), rounded(size + reach, dtype)
    form = FORMATS[dtype]
    smallest = np.minimum(low, low * np.abs(multiplier))
    settled = (smallest >= form.smallest_normal) & (high - low <= 2 * half_ulp(high, form))
    skip_unless(settled.any())
    actual = trial.call(given)
    each = [rounded(np.copysign(one, row.expected) * multiplier, dtype) for one in (low, high)]
    nearest = np.where(np.abs(actual - each[0]) <= np.abs(actual - each[1]), *each)
    claim = "an element is not the gain times a number of the input's format, though rms_cast = before is declared"
    return trial.require_bits(actual, nearest, claim, settled)


@clause(
    "RMS-8",
    "rms_norm",
    "The gradient of a row is orthogonal to the row, but for what epsilon leaves: scaling a row changes nothing else.",
    formula="sum_j x_j dx_j = epsilon / (q + epsilon) sum_j a_j z_j",
    why="It judges one number a row: a mean square taken for a constant leaves a component along the row.",
    source=f"{SOURCE}, differentiated",
)
def gradient_orthogonal(trial: Trial) -> float:
    """Compare within the sum of the elements' bounds."""
    skip_unless(trial.cotangent.size)
    x, dx, bound = trial.inputs.arrays["x"], trial.gradients()["x"], trial.gradient_bounds()["x"]
    finite = np.isfinite(dx).all(-1)  # what overflows is left to GRAD-1
    along, due = (np.where(finite, (x * each).sum(-1), 0) for each in (dx, bound.expected))
    allowance = (np.abs(x) * bound.worst).sum(-1)
    return trial.require_same(along, due * finite, allowance, "the gradient of a row is not orthogonal to the row")
