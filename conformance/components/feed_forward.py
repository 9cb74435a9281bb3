"""The feed-forward network: its cases, and the clauses that only it has."""

import numpy as np

from ...oracle.feed_forward import AT_ZERO, feed_forward_as_convolutions
from ...oracle.rounding.bound import Bound
from ...oracle.rounding.formats import FORMATS
from ..cases.values import draw, generator_of
from ..terms.at_size import AtSize
from ..terms.case import Case
from ..terms.clause import clause
from ..terms.component import LAYOUTS, Array, Component, Conventions, Inputs, factor, register
from ..terms.generator import Generator
from ..terms.requirements import skip_unless
from ..terms.rounding import rounded
from ..terms.trial import Trial

_SOURCE = "paper, section 3.3, equation 2"
_POSITIONS = 'paper, section 3.3: "applied to each position separately and identically"'

# Widths at 1 and 2, and around tiles of 8, 16, 64 and 128; d_ff unlike d_model, and like it.
_D_MODEL = (3, 1, 2, 4, 5, 8, 16, 33, 64, 65, 128)
_D_FF = (4, 1, 2, 3, 5, 7, 8, 9, 16, 17, 33, 64, 65, 127, 128, 129, 257)

_REGIMES = (
    *("normal", "uniform", "integers", "dead", "zero", "ties", "offset", "cancelling", "large", "tiny", "subnormal"),
)


def _make(case: Case) -> Inputs:
    regime, dtype, d_model, d_ff = case["regime"], case["dtype"], case["d_model"], case["d_ff"]
    shapes = {
        "x": (case["B"], case["L"], d_model),
        "w_1": (d_model, d_ff),
        "b_1": (d_ff,),
        "w_2": (d_ff, d_model),
        "b_2": (d_model,),
    }
    if regime == "integers":
        # Of -1, 0 and 1, mostly 0: the sums stay below 256, which every format holds.
        arrays = {name: _sparse(generator_of(case, name), shape) for name, shape in shapes.items()}
    else:
        # The regime is that of x, and of the biases where these would drown it; weights keep the size of what passes.
        of_bias = regime if regime in ("tiny", "subnormal", "uniform") else "normal"
        of_weights = regime if regime == "ties" else "normal"
        kinds = {"x": "normal" if regime == "dead" else regime, "b_1": of_bias, "b_2": of_bias}
        arrays = {name: draw(case, name, shape, kinds.get(name, of_weights), dtype) for name, shape in shapes.items()}
        for name, width in (("w_1", d_model), ("w_2", d_ff)):
            arrays[name] = rounded(arrays[name] / np.sqrt(width), dtype)
    if regime == "dead":
        # x W_1 has the deviation 1.
        arrays["b_1"] = rounded(-64 - np.abs(arrays["b_1"]), dtype)
    return Inputs(arrays)


def _sparse(generator: Generator, shape: tuple[int, ...]) -> Array:
    return generator.choice([-1.0, 0.0, 0.0, 1.0, 0.0, 0.0], shape)


def _exact(case: Case, inputs: Inputs, bound: Bound, conventions: Conventions) -> Array:
    """Mark what dead units leave, b_2, and integers where no partial sum has more bits than the format."""
    if case["regime"] == "dead":
        return np.ones(bound.expected.shape, bool)
    x, w_1, b_1, w_2, b_2 = (inputs.arrays[name] for name in ("x", "w_1", "b_1", "w_2", "b_2"))
    largest = 2.0 ** FORMATS[case["dtype"]].precision
    hidden = np.abs(x) @ np.abs(w_1) + np.abs(b_1)
    sums = np.maximum(x @ w_1 + b_1, 0) @ np.abs(w_2) + np.abs(b_2)
    return np.asarray((sums <= largest) & (hidden.max(-1, initial=0.0) <= largest)[..., None])


def _dependents(inputs: Inputs, name: str, where: tuple[int, ...], conventions: Conventions) -> Array:
    """Mark the row of a position of x; the first layer reaches all, the second a channel."""
    depends = np.zeros(inputs.arrays["x"].shape, bool)
    if name == "x":
        depends[where[:2]] = True
    elif name in ("w_2", "b_2"):
        depends[..., where[-1]] = True
    else:
        depends[...] = True
    return depends


FEED_FORWARD: Component = register(
    Component(
        name="feed_forward",
        formula="max(0, x W_1 + b_1) W_2 + b_2",
        source="paper, section 3.3, equation 2",
        factors={
            "batch": factor("B", 1, 2, 3, 0),
            "positions": factor("L", 2, 1, 3, 5, 17, 0),
            "d_model": factor("d_model", *_D_MODEL),
            "d_ff": factor("d_ff", *_D_FF),
            "regime": factor("regime", *_REGIMES),
            "layout": factor("layout", *LAYOUTS),
        },
        inputs=_make,
        coinciding=("B", "L", "d_model", "d_ff"),
        against=("d_model", "d_ff"),
        exact=_exact,
        exact_regimes=("integers", "dead"),
        dependents=_dependents,
        rescaled=(
            {"x": (-1, 1), "w_1": (0, -1)},
            {"x": (-1, -1), "w_1": (0, 1)},
            {"w_1": (1, 1), "b_1": (0, 1), "w_2": (0, -1)},
            {"w_2": (1, 1), "b_2": (0, 1)},
        ),
        at_size=AtSize(
            factor(
                "B L d_model d_ff",
                (1, 2, 3, 4),
                (2, 3, 300, 700),
                (1, 65, 512, 2048),
                (1, 3, 8, 16_384),
                (1, 1201, 12, 33),
                (1, 65_537, 3, 4),
                (65_537, 1, 2, 5),
            ),
            {
                "regime": factor("regime", "normal", "uniform", "offset"),
                "layout": factor("layout", "contiguous", "swapped", "mixed"),
            },
            inside=lambda case: case["B"] * case["L"] * case["d_ff"],
            differentiated=lambda case: case["d_model"] * case["d_ff"] <= 2**18,
            noisy=factor("B L d_model d_ff", (1, 65, 64, 4097)),
        ),
        large=factor("B L d_model d_ff", (2, 96, 64, 257), (1, 128, 65, 512)),
    )
)


def _square(component: Component, dtype: str) -> list[Case]:
    """Give weights that keep their shape where they are transposed."""
    return [component.plainest(dtype, seed=4).but(d_model=4, d_ff=4)]


@clause(
    "FFN-1",
    "feed_forward",
    "A position alone gives what it gives among others.",
    formula="FFN(x)[l] = FFN(x[l])",
    why="It compares a position alone with the same among others: it must not know its place.",
    source=_POSITIONS,
)
def positions_independent(trial: Trial) -> float:
    """Compare the first, the last and one between, within both bounds."""
    x, worst = trial.inputs.arrays["x"], trial.bound().worst
    skip_unless(x.shape[0] > 0 and x.shape[1] > 1)
    whole, length = trial.call(), x.shape[1]
    return max(
        trial.require_same(
            trial.call(trial.inputs.but(x=x[:, place : place + 1].copy())),
            whole[:, place : place + 1],
            2 * worst[:, place : place + 1],
            f"position {place} gives another result alone than among {length}",
        )
        for place in {0, length // 2, length - 1}
    )


@clause(
    "FFN-2",
    "feed_forward",
    "The network is two convolutions with kernel size 1.",
    formula="FFN(x) = conv(max(0, conv(x, W_1) + b_1), W_2) + b_2",
    why="It states the paper's other form of the formula, whose sums are written out a second time.",
    source='paper, section 3.3: "as two convolutions with kernel size 1"',
)
def two_convolutions(trial: Trial) -> float:
    """Compare within the bound, which holds for the convolutions' own order of sums as well."""
    expected = feed_forward_as_convolutions(**trial.inputs.keywords)
    return trial.require_same(trial.call(), expected, trial.bound().worst, "it differs from two convolutions of size 1")


@clause(
    "FFN-3",
    "feed_forward",
    "Where every hidden unit is below zero, the result is b_2.",
    formula="x W_1 + b_1 < 0: FFN(x) = b_2",
    role="decides",
    why="It is exact, and takes the ReLU by itself: in bfloat16 the bound is about a thousandth of the result.",
    source=_SOURCE,
    prepare=lambda case: case.but(regime="dead"),
)
def dead_units(trial: Trial) -> float:
    """Compare bit for bit: the zeros of the ReLU are exact."""
    actual = trial.call()
    b_2 = np.broadcast_to(trial.inputs.arrays["b_2"], actual.shape)
    return trial.require_bits(actual, b_2, "with every hidden unit below zero, the result is not b_2")


@clause(
    "FFN-4",
    "feed_forward",
    "The order of the hidden units does not matter.",
    formula="FFN(x; W_1 P, P^T b_1, P^T W_2, b_2) = FFN(x; W_1, b_1, W_2, b_2)",
    why="It compares two calls: hidden units that are left out at the end stand in front the second time.",
    source=_SOURCE,
    probes=_square,
)
def hidden_units_permuted(trial: Trial) -> float:
    """Reverse them, so that what was left out at the end is in front."""
    arrays = trial.inputs.arrays
    skip_unless(arrays["b_1"].size > 1)
    reversed_ = trial.inputs.but(
        w_1=arrays["w_1"][:, ::-1].copy(), b_1=arrays["b_1"][::-1].copy(), w_2=arrays["w_2"][::-1].copy()
    )
    allowance = 2 * trial.bound().worst
    return trial.require_same(trial.call(reversed_), trial.call(), allowance, "the order of the hidden units matters")


@clause(
    "FFN-5",
    "feed_forward",
    "Each bias acts as the weight of a constant 1.",
    formula="FFN([x 1]; [W_1; b_1], 0, W_2, b_2) = FFN(x; W_1, 0, [W_2; b_2], 0) with a hidden unit of 1 = FFN(x)",
    why="It compares ways to give a bias: one that is missing, or is added after the ReLU, is named.",
    source=_SOURCE,
    probes=_square,
)
def biases(trial: Trial) -> float:
    """Replace b_1 by one channel more, b_2 by one hidden unit more, and compare within both bounds."""
    x, w_1, b_1, w_2, b_2 = (trial.inputs.arrays[name] for name in ("x", "w_1", "b_1", "w_2", "b_2"))
    skip_unless(x.size)
    plain, worst = trial.call(), trial.bound().worst
    ones = np.ones((*x.shape[:2], 1))
    wider = Inputs(
        {
            "x": np.concatenate([x, ones], -1),
            "w_1": np.concatenate([w_1, b_1[None]]),
            "b_1": np.zeros_like(b_1),
            "w_2": np.concatenate([w_2, np.zeros_like(w_2[:, :1])], -1),
            "b_2": np.append(b_2, 0.0),
        }
    )
    deeper = Inputs(
        {
            "x": x,
            "w_1": np.concatenate([w_1, np.zeros_like(w_1[:, :1])], -1),
            "b_1": np.append(b_1, 1.0),
            "w_2": np.concatenate([w_2, b_2[None]]),
            "b_2": np.zeros_like(b_2),
        }
    )
    allowance = worst + trial.bound(wider).worst[..., :-1]
    ratio = trial.require_same(trial.call(wider)[..., :-1], plain, allowance, "b_1 is no weight of a constant 1")
    allowance = worst + trial.bound(deeper).worst
    return max(ratio, trial.require_same(trial.call(deeper), plain, allowance, "b_2 is no weight of a constant 1"))


@clause(
    "FFN-6",
    "feed_forward",
    "Twice the input and twice the biases give twice the result.",
    formula="FFN(2 x; W_1, 2 b_1, W_2, 2 b_2) = 2 FFN(x; W_1, b_1, W_2, b_2)",
    why="It compares two calls: what replaces the ReLU, a GELU, a square or a cap, is not homogeneous.",
    source="max(0, 2 h) = 2 max(0, h)",
)
def homogeneous(trial: Trial) -> float:
    """Compare within both bounds; doubling is exact."""
    arrays = trial.inputs.arrays
    doubled = trial.inputs.but(**{name: rounded(2 * arrays[name], trial.dtype) for name in ("x", "b_1", "b_2")})
    skip_unless(all(np.isfinite(array).all() for array in doubled.arrays.values()))
    allowance = trial.bound(doubled).worst + 2 * trial.bound().worst
    claim = "twice the input and the biases do not give twice the result"
    return trial.require_same(trial.call(doubled), 2 * trial.call(), allowance, claim)


@clause(
    "FFN-7",
    "feed_forward",
    "A hidden unit at exactly 0 passes the share of the gradient that is declared, and b_2 gets the whole cotangent.",
    formula="h = 0: dh = c g W_2^T, dx = dh W_1^T, db_1 = sum dh, dW_1 = dW_2 = 0, db_2 = sum g",
    source="convention relu_at_zero: max(0, h) leaves its derivative at 0 open",
    prepare=lambda case: case.but(regime="zero", L=min(case["L"], 5)),
)
def slope_at_zero(trial: Trial) -> float:
    """Take zeros but for the weights, and of these one for each hidden unit, 1; and small whole numbers as cotangent.

    All sums are exact then.
    """
    skip_unless(trial.cotangent.size)
    x, w_1, b_1, w_2, _ = (trial.inputs.arrays[name] for name in ("x", "w_1", "b_1", "w_2", "b_2"))
    first, second = np.eye(*w_1.shape), np.eye(*w_2.shape)
    still = trial.inputs.but(x=np.zeros_like(x), w_1=first, b_1=np.zeros_like(b_1), w_2=second)
    g = trial.generator("whole").integers(-2, 3, trial.cotangent.shape).astype(float)
    dh = AT_ZERO[trial.conventions["relu_at_zero"]] * (g @ second.T)
    due = {"x": dh @ first.T, "w_1": np.zeros_like(w_1), "b_1": dh.sum((0, 1)), "w_2": np.zeros_like(w_2)}
    due["b_2"] = g.sum((0, 1))
    claim = "where hidden units are exactly 0, the gradient of {} is wrong"
    gradients = trial.gradients(still, g)
    return max(trial.require_bits(each, due[name], claim.format(name)) for name, each in gradients.items())
