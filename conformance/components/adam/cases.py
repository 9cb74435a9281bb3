"""Adam: its cases. Its clauses are in `clauses.py`."""

import numpy as np

from ....oracle.rounding.bound import Bound
from ...cases.values import draw, generator_of
from ...terms.at_size import AtSize
from ...terms.case import Case
from ...terms.component import GENERIC, Array, Component, Conventions, Inputs, factor, register
from ...terms.rounding import rounded

_SIZES = (3, 1, 2, 4, 5, 7, 8, 16, 17, 33, 64, 65, 127, 129, 1000, 0)
_STEPS = (2, 1, 3, 5, 10, 30, 0)

# Of the gradients; the parameters are `start`. 1e-4 and 1e-7 bring out epsilon.
_SIZES_OF_GRADIENTS = {"normal": 1.0, "large": 300.0, "small": 1e-4, "smaller": 1e-7}
_REGIMES = (
    *("normal", "uniform", "large", "small", "smaller", "tiny", "zero", "sparse", "first-only", "last-only"),
    *("constant", "alternating", "shrinking", "growing"),
)

# beta_1 and beta_2: the defaults, those of the paper (section 5.3), two that are close to each other, and others.
_BETAS = (("default", "default"), (0.9, 0.98), (0.5, 0.9), (0.0, 0.99), (0.95, 0.5), (0.9, 0.0), (0.999, 0.9999))
_OPTIONS = ("learning_rate", "beta_1", "beta_2", "epsilon", "weight_decay")


def _make(case: Case) -> Inputs:
    dtype, n = case["dtype"], case["n"]
    size = {"normal": 1.0, "large": 100.0, "zero": 0.0}[case["start"]]
    parameters = rounded(size * draw(case, "parameters", (n,), "normal", dtype), dtype)
    arrays = {"parameters": parameters, "gradients": _gradients(case, (case["T"], n))}
    return Inputs(arrays, {name: case[name] for name in _OPTIONS if case[name] != "default"})


def _gradients(case: Case, shape: tuple[int, int]) -> Array:
    regime, dtype = case["regime"], case["dtype"]
    step = np.arange(shape[0])[:, None]
    values = draw(case, "gradients", shape, "normal", dtype)
    if regime in _SIZES_OF_GRADIENTS:
        values = _SIZES_OF_GRADIENTS[regime] * values
    elif regime in ("uniform", "tiny", "zero"):
        values = draw(case, "gradients", shape, regime, dtype)
    elif regime == "sparse":
        values = values * (generator_of(case, "sparse").random(shape) < 0.5)
    elif regime == "first-only":
        values = values * (step == 0)
    elif regime == "last-only":
        values = values * (step == shape[0] - 1)
    elif regime == "constant":
        values[...] = values[:1]
    elif regime == "alternating":
        values = np.abs(values[:1]) * np.where(step % 2, -1.0, 1.0)
    elif regime == "shrinking":
        values = np.ldexp(values, -step)
    elif regime == "growing":
        values = np.ldexp(values, np.minimum(step - 4, 4))
    return rounded(values, dtype)


def _exact(case: Case, inputs: Inputs, bound: Bound, conventions: Conventions) -> Array | None:
    """Mark a run at rest, without gradients and decay. Where a stored epsilon may vanish, 0/0 has its own clause."""
    return np.isfinite(bound.worst) if inputs.options.get("weight_decay", 0.0) == 0.0 else None


def _dependents(inputs: Inputs, name: str, where: tuple[int, ...], conventions: Conventions) -> Array:
    """Mark the column of a parameter, or of a gradient the steps from its own on."""
    depends = np.zeros(inputs.arrays["gradients"].shape, bool)
    depends[0 if name == "parameters" else where[0] :, where[-1]] = True
    return depends


def _variations(case: Case) -> dict[str, tuple[Inputs, Inputs]]:
    """Give each option against its default, from parameters of zero where these would hide it."""
    plain = case.but(T=3, start="zero", regime="normal", layout="contiguous", **dict.fromkeys(_OPTIONS, "default"))
    changes = {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.5}
    found = {name: (_make(plain), _make(plain.but(**{name: value}))) for name, value in changes.items()}
    decaying = plain.but(start="normal", learning_rate=0.1)
    return found | {"weight_decay": (_make(decaying), _make(decaying.but(weight_decay=0.5)))}


ADAM: Component = register(
    Component(
        name="adam",
        formula="p - learning_rate (m^ / (sqrt(v^) + epsilon) + weight_decay p)",
        source="Kingma and Ba 2015, algorithm 1; decay decoupled: Loshchilov and Hutter 2019",
        factors={
            "size": factor("n", *_SIZES),
            "steps": factor("T", *_STEPS),
            "start": factor("start", "normal", "zero", "large"),
            "regime": factor("regime", *_REGIMES),
            "learning_rate": factor("learning_rate", "default", 0.0, 0.3, 0.01),
            "betas": factor("beta_1 beta_2", *_BETAS),
            "epsilon": factor("epsilon", "default", 1e-9, 1e-4, 0.1),
            "weight_decay": factor("weight_decay", "default", 0.01, 0.5),
            "layout": factor("layout", "contiguous", "transposed", "sliced", "strided", "expanded", "mixed"),
        },
        inputs=_make,
        against=("T",),
        generic=lambda case: case["regime"] in GENERIC and case["layout"] != "expanded",
        exact=_exact,
        exact_regimes=("zero",),
        variations=_variations,
        dependents=_dependents,
        at_size=AtSize(
            factor("n T", (3, 2), (300, 3), (70_001, 2), (1_000_003, 1), (3, 300), (2, 2100)),
            {
                "start": factor("start", "normal", "zero"),
                "regime": factor("regime", "normal", "small", "sparse"),
                "layout": factor("layout", "contiguous", "sliced", "mixed"),
            },
        ),
        large=factor("n T start", (1000, 5, "zero"), (1000, 10, "normal")),
    )
)
