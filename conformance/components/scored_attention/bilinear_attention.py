"""Bilinear attention (Luong et al. 2015, "general"): its cases; the clauses of every weighted mean, and its own."""

import numpy as np

from ....oracle.bilinear_attention import bilinear_attention_bound, bilinear_attention_vjp_bound
from ....oracle.rounding.bound import Bound
from ....oracle.rounding.numerics import Numerics
from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component, Conventions, Inputs, component
from ...terms.requirements import skip_unless
from ...terms.trial import Trial
from .clauses import FACTORS, arrays_of, define_clauses, dependents, item, shape_of_result

_SOURCE = "Luong, Pham and Manning 2015, section 3.1: score(h_t, h_s) = h_t^T W_a h_s"


def _make(case: Case) -> Inputs:
    weights = {"w": (case["d_q"], case["d_k"])}
    return Inputs(arrays_of(case, weights, grown="w", growth=512.0))


def _bound(inputs: Inputs, numerics: Numerics, conventions: Conventions) -> Bound:
    return bilinear_attention_bound(**inputs.arguments, masked_row=conventions["masked_row"], numerics=numerics)


def _probes(dtype: str) -> list[Case]:
    """All sizes alike, so that nothing but the values tells what was exchanged or transposed."""
    options = [options[0] for options in BILINEAR_ATTENTION.factors.values()]
    return [BILINEAR_ATTENTION.case(options, dtype, 0).but(L_q=7, L_k=7, d_q=16, d_k=16, d_v=16, seed=7)]


BILINEAR_ATTENTION: Component = component(
    name="bilinear_attention",
    formula="softmax(query W key^T) value",
    source="Luong, Pham and Manning 2015, section 3.1",
    factors=FACTORS,
    axes=("batch item", "query", "channel"),
    make=_make,
    shape=shape_of_result,
    bound=_bound,
    gradient=lambda inputs, cotangent, numerics, conventions: bilinear_attention_vjp_bound(
        cotangent, **inputs.arguments, masked_row=conventions["masked_row"], numerics=numerics
    ),
    generic=lambda case: case["regime"] in ("normal", "uniform"),
    item=item,
    dependents=dependents,
    probes=_probes,
    large=[
        {"B": 4, "L_q": 33, "L_k": 65, "d_q": 16, "d_k": 33, "d_v": 17},
        {"B": 2, "L_q": 65, "L_k": 129, "d_q": 33, "d_k": 33, "d_v": 33},
    ],
)

define_clauses("bilinear_attention", "BIL", _SOURCE)


@clause(
    "BIL-6",
    "bilinear_attention",
    "The weights see both vectors through the matrix: W = I is the plain dot product.",
    formula="score(q, k) = q . k for W = I, q . P k for a permutation P",
    why="It says that the matrix is not applied to both vectors: it is transposed, cut to its diagonal or left out.",
    source=_SOURCE,
    prepare=lambda case: case.but(regime="normal", d_k=case["d_q"]),
)
def identity_is_dot_product(trial: Trial) -> float:
    """A permutation matrix: q W is q with its channels reordered, exactly."""
    skip_unless(trial.case["L_k"])
    d = trial.case["d_q"]
    order = trial.generator("order").permutation(d)
    permuting = trial.inputs.but(w=np.eye(d)[order])
    # P_ic = 1 where order_i = c, so q P k = sum_i q_i k_(order_i).
    plain = trial.inputs.but(w=np.eye(d), key=trial.inputs.arrays["key"][..., order].copy())
    allowance = trial.bound(permuting).worst + trial.bound(plain).worst
    return trial.require_same(trial.call(permuting), trial.call(plain), allowance, "the matrix is not applied to both")
