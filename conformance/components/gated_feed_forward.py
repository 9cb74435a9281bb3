"""The gated feed-forward network: its cases, and the clauses that only it has."""

from typing import Final

import numpy as np

from ...oracle.feed_forward import AT_ZERO
from ...oracle.gated_feed_forward import KINDS
from ...oracle.rounding.bound import Bound
from ...oracle.rounding.formats import FORMATS
from ..cases.values import draw, generator_of
from ..terms.at_size import AtSize
from ..terms.case import Case
from ..terms.clause import clause
from ..terms.component import LAYOUTS, Array, Component, Conventions, Inputs, factor, register
from ..terms.requirements import skip_unless
from ..terms.rounding import rounded
from ..terms.trial import Trial

_SOURCE = "Shazeer 2020, equation 6"

# Widths at 1 and 2, around tiles of 8, 16, 64 and 128, and two of models; d_ff unlike d_model, and like it.
_D_MODEL = (3, 1, 2, 4, 5, 8, 16, 33, 64, 65, 128)
_D_FF = (4, 1, 2, 3, 5, 7, 8, 9, 16, 17, 33, 64, 65, 127, 128, 129, 257)

_FAR: Final = 2.0**10
"""A gate so far from 0 that each activation is exactly h or 0, in every format: exp(-1024) is zero in float64."""

_REGIMES = (
    *("normal", "uniform", "saturated", "steep", "zero", "ties", "offset", "cancelling", "large", "tiny", "subnormal"),
)


def _inputs(case: Case) -> Inputs:
    regime, dtype, d_model, d_ff = case["regime"], case["dtype"], case["d_model"], case["d_ff"]
    shapes = {
        "x": (case["B"], case["L"], d_model),
        "w_gate": (d_model, d_ff),
        "w_up": (d_model, d_ff),
        "w_down": (d_ff, d_model),
    }
    if regime == "saturated":
        arrays = {name: _sparse(case, name, shape) for name, shape in shapes.items()}
        arrays["w_gate"] = arrays["w_gate"] * _FAR
    else:
        kinds = {"x": "normal" if regime == "steep" else regime}
        of_weights = regime if regime == "ties" else "normal"
        arrays = {name: draw(case, name, shape, kinds.get(name, of_weights), dtype) for name, shape in shapes.items()}
        for name, width in (("w_gate", d_model), ("w_up", d_model), ("w_down", d_ff)):
            # Gates of about 4 reach where the activations bend away from 0 and from h.
            growth = 4.0 if regime == "steep" and name == "w_gate" else 1.0
            arrays[name] = rounded(growth * arrays[name] / np.sqrt(width), dtype)
    options = {} if case["activation"] == "default" else {"activation": case["activation"]}
    return Inputs(arrays, options)


def _sparse(case: Case, name: str, shape: tuple[int, ...]) -> Array:
    """Draw numbers of -1, 0 and 1, mostly 0: the sums stay small enough for every format."""
    return generator_of(case, name).choice([-1.0, 0.0, 0.0, 1.0, 0.0, 0.0], shape)


def _exact(case: Case, inputs: Inputs, bound: Bound, conventions: Conventions) -> Array:
    """Gates of 0 and far from it are exact; so is the rest where no partial sum has more bits than the format."""
    x, w_gate, w_up, w_down = (inputs.arrays[name] for name in ("x", "w_gate", "w_up", "w_down"))
    hidden = np.maximum(np.abs(x) @ np.abs(w_gate) / _FAR, 1) * (np.abs(x) @ np.abs(w_up))
    form = FORMATS[case["dtype"]]
    most = min(2.0**form.precision, form.largest / (2 * _FAR))  # no hidden unit overflows where it is stored
    return np.asarray(np.maximum(hidden, 1) @ np.maximum(np.abs(w_down), 1) <= most)


def _variations(case: Case) -> dict[str, tuple[Inputs, Inputs]]:
    plain = case.but(regime="normal", layout="contiguous", activation="default")
    return {
        f"activation = {name}": (_inputs(plain), _inputs(plain.but(activation=name))) for name in ("geglu", "reglu")
    }


def _dependents(inputs: Inputs, name: str, where: tuple[int, ...], conventions: Conventions) -> Array:
    """Mark what an element reaches: a position of x its own row, the first layer all of it, the second a channel."""
    depends = np.zeros(inputs.arrays["x"].shape, bool)
    if name == "x":
        depends[where[:2]] = True
    elif name == "w_down":
        depends[..., where[-1]] = True
    else:
        depends[...] = True
    return depends


GATED_FEED_FORWARD: Component = register(
    Component(
        name="gated_feed_forward",
        formula="(f(x W_gate) * (x W_up)) W_down",
        source=_SOURCE,
        factors={
            "batch": factor("B", 1, 2, 3, 0),
            "positions": factor("L", 2, 1, 3, 5, 17, 0),
            "d_model": factor("d_model", *_D_MODEL),
            "d_ff": factor("d_ff", *_D_FF),
            "activation": factor("activation", "default", *KINDS),
            "regime": factor("regime", *_REGIMES),
            "layout": factor("layout", *LAYOUTS),
        },
        inputs=_inputs,
        coinciding=("B", "L", "d_model", "d_ff"),
        against=("d_model", "d_ff"),
        generic=lambda case: case["regime"] in ("normal", "uniform", "steep"),
        exact=_exact,
        exact_regimes=("saturated",),
        variations=_variations,
        dependents=_dependents,
        rescaled=(
            {"x": (-1, 1), "w_gate": (0, -1), "w_up": (0, -1)},
            {"x": (-1, -1), "w_gate": (0, 1), "w_up": (0, 1)},
            {"w_up": (1, 1), "w_down": (0, -1)},
            {"w_down": (1, 1)},
        ),
        at_size=AtSize(
            factor(
                "B L d_model d_ff",
                (1, 2, 3, 4),
                (2, 3, 300, 700),
                (1, 33, 512, 1376),
                (1, 3, 8, 11_008),
                (1, 1201, 12, 33),
                (1, 65_537, 3, 4),
                (65_537, 1, 2, 5),
            ),
            {
                "activation": factor("activation", "default", "geglu", "reglu"),
                "regime": factor("regime", "normal", "saturated", "steep"),
                "layout": factor("layout", "contiguous", "swapped", "mixed"),
            },
            inside=lambda case: case["B"] * case["L"] * case["d_ff"],
            differentiated=lambda case: case["d_model"] * case["d_ff"] <= 2**18,
            noisy=factor("B L d_model d_ff", (1, 65, 64, 4097)),
        ),
        large=factor(
            "B L d_model d_ff activation regime",
            (2, 96, 64, 257, "swiglu", "normal"),
            (1, 128, 65, 512, "geglu", "steep"),
            (1, 128, 65, 128, "reglu", "normal"),
        ),
    )
)


@clause(
    "GFFN-1",
    "gated_feed_forward",
    "The result is linear in what is gated.",
    formula="y(W_gate, -2 W_up, W_down) = -2 y(W_gate, W_up, W_down)",
    why="It compares two calls: an activation of the wrong product, or of both, is not linear in W_up.",
    source=_SOURCE,
)
def linear_in_up(trial: Trial) -> float:
    """Multiply by -2, which is exact, and compare within both bounds."""
    turned = trial.inputs.but(w_up=rounded(-2 * trial.inputs.arrays["w_up"], trial.dtype))
    skip_unless(np.isfinite(turned.arrays["w_up"]).all())
    allowance = trial.bound(turned).worst + 2 * trial.bound().worst
    return trial.require_same(
        trial.call(turned), -2 * trial.call(), allowance, "-2 times W_up does not give -2 times the result"
    )


@clause(
    "GFFN-2",
    "gated_feed_forward",
    "The order of the hidden units does not matter.",
    formula="y(W_gate P, W_up P, P^T W_down) = y(W_gate, W_up, W_down)",
    why="It compares two calls: units that are left out at the end, or paired wrongly, are others the second time.",
    source=_SOURCE,
)
def hidden_units_permuted(trial: Trial) -> float:
    """Reverse the units, so that what was left out at the end is in front."""
    arrays = trial.inputs.arrays
    skip_unless(arrays["w_down"].shape[0] > 1)
    reversed_ = trial.inputs.but(
        w_gate=arrays["w_gate"][:, ::-1].copy(),
        w_up=arrays["w_up"][:, ::-1].copy(),
        w_down=arrays["w_down"][::-1].copy(),
    )
    allowance = 2 * trial.bound().worst
    return trial.require_same(trial.call(reversed_), trial.call(), allowance, "the order of the hidden units matters")


def _of_each_activation(component: Component, dtype: str, seed: int) -> list[Case]:
    plain = component.plainest(dtype, seed).but(regime="saturated", B=2, L=3, d_model=4, d_ff=8)
    return [plain.but(activation=name, seed=seed + k) for name in KINDS for k in range(3)]


@clause(
    "GFFN-3",
    "gated_feed_forward",
    "A gate at exactly 0 passes nothing forwards, and backwards the slope of its activation at 0.",
    formula="h = 0: y = 0, dW_gate = x^T (g W_down^T * (x W_up) f'(0)), f'(0) = 1/2; of ReGLU as declared",
    source="f(0) = 0; s(0) = Phi(0) = 1/2; max(0, h) leaves its slope at 0 open",
    prepare=lambda case: case.but(regime="saturated", L=min(case["L"], 5)),
    cases=_of_each_activation,
)
def slope_at_zero(trial: Trial) -> float:
    """Take W_gate = 0, so that the gradient of W_gate is a product of whole numbers and halves."""
    skip_unless(trial.cotangent.size)
    arrays = trial.inputs.arrays
    shut = trial.inputs.but(w_gate=np.zeros_like(arrays["w_gate"]))
    g = trial.generator("whole").integers(-2, 3, trial.cotangent.shape).astype(float)
    slope = 0.5
    if trial.inputs.options.get("activation") == "reglu":
        slope = AT_ZERO[trial.conventions["relu_at_zero"]]
    dh = (g @ arrays["w_down"].T) * (arrays["x"] @ arrays["w_up"]) * slope
    due = np.einsum("bli,blo->io", arrays["x"], dh)
    skip_unless(np.abs(due).max(initial=0) * 2 <= 2.0 ** FORMATS[trial.dtype].precision)
    ratio = trial.require_bits(trial.call(shut), np.zeros(trial.cotangent.shape), "a gate of 0 lets something pass")
    claim = "where every gate is exactly 0, the gradient of w_gate is wrong"
    return max(ratio, trial.require_bits(trial.gradients(shut, g)["w_gate"], due, claim))
