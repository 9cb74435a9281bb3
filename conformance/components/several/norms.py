"""What holds of layer normalisation and of normalisation by the root mean square alike."""

from ...terms.clause import clause
from ...terms.requirements import skip_unless
from ...terms.trial import Trial
from ..layer_norm.clauses import SOURCE as LAYER_NORM
from ..rms_norm import SOURCE as RMS_NORM


@clause(
    "LN-7",
    "layer_norm",
    "The statistics are those of the last axis alone: a row gives the same by itself, in any number of axes.",
    formula="LN(x)[b, l] = LN(x[b, l])",
    why="It compares a row with the same as an array of one axis: statistics over other axes are reported as such.",
    source=LAYER_NORM,
)
@clause(
    "RMS-6",
    "rms_norm",
    "The mean square is that of the last axis alone: a row gives the same by itself, in any number of axes.",
    formula="RMS(x)[b, l] = RMS(x[b, l])",
    why="It compares a row with the same as an array of one axis: a mean over other axes is reported as such.",
    source=RMS_NORM,
)
def rows_independent(trial: Trial) -> float:
    """Compare the first row and the last, as arrays of one axis, within both bounds."""
    x = trial.inputs.arrays["x"]
    skip_unless(x.ndim > 1 and x.size > x.shape[-1])
    whole, worst = (each.reshape(-1, x.shape[-1]) for each in (trial.call(), trial.bound().worst))
    rows = x.reshape(whole.shape)
    claim = f"a row gives another result alone than in the shape {x.shape}"
    return max(
        trial.require_same(trial.call(trial.inputs.but(x=rows[k].copy())), whole[k], 2 * worst[k], claim)
        for k in (0, len(rows) - 1)
    )
