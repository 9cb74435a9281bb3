"""Dropout: its cases, which are judged in evaluation by the clauses for all components. Its own are in `clauses.py`."""

import numpy as np

from ...cases.values import draw
from ...terms.at_size import AtSize
from ...terms.case import Case
from ...terms.component import LAYOUTS, Array, Component, Conventions, Inputs, factor, register

_RATES = (0.1, 0.5, 0.0, 0.25, 0.3, 0.9)
_REGIMES = ("normal", "uniform", "integers", "zero", "ties", "cancelling", "offset", "large", "tiny", "subnormal")


def _make(case: Case) -> Inputs:
    shape = (case["B"], case["L"], case["d"])
    x = draw(case, "x", shape, case["regime"], case["dtype"])
    return Inputs({"x": x}, {"rate": case["rate"], "training": False, "seed": case["seed"]})


def _itself(inputs: Inputs, name: str, where: tuple[int, ...], conventions: Conventions) -> Array:
    depends = np.zeros(inputs.arrays["x"].shape, bool)
    depends[where] = True
    return depends


DROPOUT: Component = register(
    Component(
        name="dropout",
        formula="x in evaluation; m x / (1 - rate) in training, m random in {0, 1}; its gradient has the same m",
        source="paper, section 5.4; Srivastava et al. 2014",
        factors={
            "batch": factor("B", 2, 1, 3, 0),
            "positions": factor("L", 3, 1, 2, 17, 0),
            "width": factor("d", 4, 1, 2, 3, 5, 8, 33, 64),
            "rate": factor("rate", *_RATES),
            "regime": factor("regime", *_REGIMES),
            "layout": factor("layout", *LAYOUTS),
        },
        inputs=_make,
        against=("d",),
        generic=lambda case: False,
        admissible=lambda case: 0 <= case["rate"] < 1,
        exact=lambda case, inputs, bound, conventions: np.ones(bound.expected.shape, bool),
        exact_regimes=_REGIMES,
        dependents=_itself,
        at_size=AtSize(
            factor("B L d", (1, 1, 2), (2, 3, 700), (1, 65_537, 3), (65_537, 1, 2), (1, 2, 131_073)),
            {
                "rate": factor("rate", 0.1, 0.5),
                "regime": factor("regime", "normal", "offset"),
                "layout": factor("layout", "contiguous", "swapped", "mixed"),
            },
        ),
    )
)
