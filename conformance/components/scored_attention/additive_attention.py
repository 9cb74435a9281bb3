"""Additive attention (Bahdanau et al. 2015): its cases; the clauses of every weighted mean, and its own."""

from ...terms.case import Case
from ...terms.clause import clause
from ...terms.component import Component, Inputs, factor, register
from ...terms.requirements import require_within, skip_unless
from ...terms.rounding import rounded
from ...terms.trial import Trial
from .clauses import BOTH, FACTORS, arrays_of, dependents

_, _SOURCE = BOTH["additive_attention"]


def _make(case: Case) -> Inputs:
    d_a = case["d_a"]
    weights = {"w_query": (case["d_q"], d_a), "w_key": (case["d_k"], d_a), "v": (d_a,)}
    # |v| of about 500: scores far beyond what exp holds without the largest taken off.
    return Inputs(arrays_of(case, weights, grown="v", growth=2048.0))


def _probes(dtype: str) -> list[Case]:
    """Make all sizes alike, so that nothing but the values tells what was exchanged or transposed."""
    return [ADDITIVE_ATTENTION.plainest(dtype).but(L_q=7, L_k=7, d_q=16, d_k=16, d_v=16, d_a=16, seed=7)]


ADDITIVE_ATTENTION: Component = register(
    Component(
        name="additive_attention",
        formula="softmax(v . tanh(query W_q + key W_k)) value",
        source="Bahdanau, Cho and Bengio 2015, section 3.1",
        parts=("softmax",),
        factors={**FACTORS, "d_a": factor("d_a", 4, 1, 3, 16, 65)},
        inputs=_make,
        coinciding=("B", "L_q", "L_k", "d_q", "d_k", "d_v", "d_a"),
        against=("L_k", "d_a"),
        admissible=lambda case: max(case["B"], 1) * case["L_q"] * case["L_k"] * case["d_a"] <= 2**15,
        dependents=dependents,
        probes=_probes,
        large=factor("B L_q L_k d_q d_k d_v d_a", (4, 33, 65, 16, 33, 17, 16), (2, 33, 17, 33, 33, 33, 3)),
    )
)


@clause(
    "ADD-6",
    "additive_attention",
    "tanh saturates: energies of any size give finite results.",
    formula="tanh(a) -> +-1 as |a| -> infinity",
    source=_SOURCE,
    prepare=lambda case: case.but(regime="normal"),
)
def saturates(trial: Trial) -> float:
    """Take projections of about 2^12, where exp(2 a) overflows in float32, and in float64 too."""
    skip_unless(trial.case["L_k"])
    arrays = trial.inputs.arrays
    large = trial.inputs.but(**{name: rounded(4096 * arrays[name], trial.dtype) for name in ("w_query", "w_key")})
    return require_within(trial.judge(trial.call(large), large), "with large energies, the value is wrong")
