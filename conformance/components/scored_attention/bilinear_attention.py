"""Bilinear attention (Luong et al. 2015, "general"): its cases; the clauses of every weighted mean, and its own."""

import numpy as np

from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component, Inputs, factor, register
from ...terms.requirements import skip_unless
from ...terms.trial import Trial
from .clauses import BOTH, FACTORS, arrays_of, dependents

_, _SOURCE = BOTH["bilinear_attention"]


def _make(case: Case) -> Inputs:
    weights = {"w": (case["d_q"], case["d_k"])}
    return Inputs(arrays_of(case, weights, grown="w", growth=512.0))


def _probes(dtype: str) -> list[Case]:
    """Make all sizes alike, so that nothing but the values tells what was exchanged or transposed."""
    return [BILINEAR_ATTENTION.plainest(dtype).but(L_q=7, L_k=7, d_q=16, d_k=16, d_v=16, seed=7)]


BILINEAR_ATTENTION: Component = register(
    Component(
        name="bilinear_attention",
        formula="softmax(query W key^T) value",
        source="Luong, Pham and Manning 2015, section 3.1",
        parts=("softmax",),
        factors=FACTORS,
        inputs=_make,
        coinciding=("B", "L_q", "L_k", "d_q", "d_k", "d_v"),
        against=("L_k", "d_k"),
        dependents=dependents,
        probes=_probes,
        large=factor("B L_q L_k d_q d_k d_v", (4, 33, 65, 16, 33, 17), (2, 65, 129, 33, 33, 33)),
    )
)


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
    """Take a permutation matrix: q W is q with its channels reordered, exactly."""
    skip_unless(trial.case["L_k"])
    d = trial.case["d_q"]
    order = trial.generator("order").permutation(d)
    permuting = trial.inputs.but(w=np.eye(d)[order])
    # P_ic = 1 where order_i = c, so q P k = sum_i q_i k_(order_i).
    plain = trial.inputs.but(w=np.eye(d), key=trial.inputs.arrays["key"][..., order].copy())
    allowance = trial.bound(permuting).worst + trial.bound(plain).worst
    return trial.require_same(
        trial.call(permuting),
        trial.call(plain),
        allowance,
        "with a permutation for w, the result is another than with the channels of key permuted",
    )
