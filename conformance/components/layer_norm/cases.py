"""Layer normalisation: its cases. Its clauses are in `clauses.py`."""

import numpy as np

from ....oracle.rounding.bound import Bound
from ....oracle.rounding.formats import FORMATS
from ...cases.norms import dependents, rows_of, shape_of
from ...cases.values import draw, generator_of
from ...terms.at_size import AtSize
from ...terms.case import Case
from ...terms.component import LAYOUTS, Array, Component, Conventions, Inputs, factor, register
from ...terms.rounding import rounded

# Around the tiles of vector units, and the widths of models.
_WIDTHS = (3, 1, 2, 5, 7, 8, 16, 17, 33, 64, 65, 127, 128, 129, 768, 1000)

_REGIMES = (
    *("normal", "uniform", "integers", "zero", "constant", "zero-gain", "far", "narrow", "offset", "mixed"),
    *("ties", "cancelling", "large", "tiny", "subnormal"),
)


def _make(case: Case) -> Inputs:
    regime, dtype, d = case["regime"], case["dtype"], case["d"]
    x = _far(case) if regime == "far" else rows_of(case, narrow=(1e-1, 1e-2, 3e-3, 1e-4))
    gain, bias = (draw(case, name, (d,), "normal", dtype) for name in ("gain", "bias"))
    if case["affine"] == "none":
        gain, bias = np.ones(d), np.zeros(d)
    if regime == "zero-gain":
        gain = np.zeros(d)
    options = {} if case["epsilon"] == "default" else {"epsilon": case["epsilon"]}
    return Inputs({"x": rounded(x, dtype), "gain": gain, "bias": bias}, options)


def _far(case: Case) -> Array:
    """Make rows with a mean of 1e2 to 4e4 (float64: to 4e8), and a spread of a few of its ulps, at least 1."""
    shape, dtype = shape_of(case), case["dtype"]
    generator = generator_of(case, "x", "far")
    mean = generator.choice([1e2, 1e3, 4e4] if dtype != "float64" else [1e4, 1e6, 4e8], (*shape[:-1], 1))
    ulp = np.ldexp(FORMATS[dtype].unit_roundoff, np.frexp(mean)[1])
    return np.asarray(mean + np.maximum(1.0, 1.5 * ulp) * generator.standard_normal(shape))


def _exact(case: Case, inputs: Inputs, bound: Bound, conventions: Conventions) -> Array:
    """Mark what rows of zero and gains of zero leave, the bias; the mean of other constant rows is rounded."""
    return np.ones(bound.expected.shape, bool)


def _variations(case: Case) -> dict[str, tuple[Inputs, Inputs]]:
    plain = case.but(regime="narrow", layout="contiguous")
    return {"epsilon": (_make(plain.but(epsilon="default")), _make(plain.but(epsilon=0.25)))}


LAYER_NORM: Component = register(
    Component(
        name="layer_norm",
        formula="gain (x - mean) / sqrt(variance + epsilon) + bias",
        source="Ba, Kiros and Hinton 2016, equation 4; paper, section 3.1",
        factors={
            "axes": factor("axes", 3, 1, 2, 4),
            "rows": factor("B L", (1, 1), (1, 2), (2, 1), (2, 3), (3, 5), (0, 2), (2, 0)),
            "width": factor("d", *_WIDTHS),
            "affine": factor("affine", "normal", "none"),
            "epsilon": factor("epsilon", "default", 1e-12, 1e-3, 0.25),
            "regime": factor("regime", *_REGIMES),
            "layout": factor("layout", *LAYOUTS),
        },
        inputs=_make,
        coinciding=("B", "L", "d"),
        against=("d",),
        admissible=lambda case: 1 <= case["axes"] <= 4 and case["d"] > 0,
        exact=_exact,
        exact_regimes=("zero", "zero-gain"),
        variations=_variations,
        dependents=dependents,
        rescaled=({"gain": (0, 1), "bias": (0, 1)}, {"x": (None, 1)}),
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
                (2, 1, 1_000_003, 2),
            ),
            {
                "affine": factor("affine", "normal", "none"),
                "regime": factor("regime", "normal", "offset", "mixed"),
                "layout": factor("layout", "contiguous", "swapped", "mixed"),
            },
            differentiated=lambda case: case["B"] * case["L"] * case["d"] <= 2**20,
        ),
        large=factor("axes B L d", (3, 2, 128, 64), (2, 1, 96, 768)),
    )
)
