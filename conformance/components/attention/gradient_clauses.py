"""The clauses of attention's gradients, beside those for every component in `every/gradients.py`."""

import numpy as np

from ....oracle.rounding.bound import Bound
from ...terms.clause import clause
from ...terms.comparison import ratios
from ...terms.component import Array, Inputs
from ...terms.requirements import of_gradient, skip_unless
from ...terms.trial import Trial
from ...terms.verdict import Violation
from .cases import plain, seen_by, square

_COMPONENT = "attention"
_SOURCE = "paper, section 3.2.1, equation 1, differentiated"
_MASKING = "paper, section 3.2.3: a masked weight is zero, whatever the key"


@clause(
    "SDPA-21",
    _COMPONENT,
    "A key that no query sees gets a gradient of exactly zero, and so does its value.",
    formula="mask_ij = False for all i: dK_j = dV_j = 0",
    role="decides",
    why="It says that padding gets a gradient; it is exact as well, where float16 lets an underflow through.",
    source=_MASKING,
    prepare=lambda case: case.but(mask="padding-right"),
    probes=square,
)
def masked_keys_get_nothing(trial: Trial) -> float:
    """Compare bit for bit, in every head."""
    hidden = ~np.asarray(seen_by(trial.inputs, trial.conventions).any(2))  # (B, H, L_k)
    skip_unless(hidden.any())
    hidden = np.asarray(hidden.reshape(len(hidden), trial.case["H_kv"], -1, hidden.shape[2]).all(2))  # (B, H_kv, L_k)
    skip_unless(hidden.any())
    gradients = trial.gradients()
    return max(
        trial.require_bits(
            gradients[name],
            np.zeros_like(gradients[name]),
            f"the {of_gradient(name)} is not zero at a key that no query sees",
            np.broadcast_to(hidden[..., None], gradients[name].shape),
        )
        for name in ("key", "value")
    )


@clause(
    "SDPA-22",
    _COMPONENT,
    "A row that sees no key has finite gradients, none for its query, and changes no other row's.",
    formula="no key is seen by i: dQ_i = 0; dQ of other rows, dK and dV as without row i",
    why="It says that a row without a key spoils gradients, its own or those of others.",
    source=_MASKING,
    prepare=lambda case: case.but(mask="blind-rows"),
)
def blind_rows_harm_nobody(trial: Trial) -> float:
    """Where it holds the mean, values get their share. Where it holds NaN, its query's own gradient is left open, and
    the others count where nothing comes back to it, as behind a loss that leaves it out.
    """
    rule = trial.conventions["masked_row"]
    blind = ~np.asarray(seen_by(trial.inputs, trial.conventions).any(-1))  # (B, H, L_q)
    skip_unless(blind.any() and not blind.all())
    along = np.where(blind[..., None], 0, trial.cotangent) if rule == "nan" else trial.cotangent
    gradients = trial.gradients(cotangent=along)
    bounds = trial.gradient_bounds(cotangent=along)
    for name, each in gradients.items():
        open_ = blind[..., None] if name == "query" and rule == "nan" else False
        if (_lost(trial, each, bounds[name]) & ~open_).any():
            raise Violation(f"the {of_gradient(name)} is not finite where a row sees no key")
    if rule != "zero":
        return 0.0
    nothing = np.zeros_like(gradients["query"])
    chosen = np.broadcast_to(blind[..., None], nothing.shape)
    ratio = trial.require_bits(gradients["query"], nothing, "a row that sees no key passes a gradient", chosen)
    silent = np.where(blind[..., None], 0, trial.cotangent)
    without = trial.gradients(cotangent=silent)
    quiet = trial.gradient_bounds(cotangent=silent)
    for name, each in gradients.items():
        claim = f"what comes back to a row that sees no key changes the {of_gradient(name)}"
        allowance = bounds[name].worst + quiet[name].worst
        ratio = max(ratio, trial.require_same(each, without[name], allowance, claim))
    return ratio


def _lost(trial: Trial, gradient: Array, bound: Bound) -> Array:
    """Mark what is not finite, and neither overflows nor is left open."""
    return np.asarray(~np.isfinite(gradient) & (ratios(gradient, bound, trial.dtype, statistical=False) > 1))


@clause(
    "SDPA-23",
    _COMPONENT,
    "Where one key has all the weight, its value gets the cotangents of the queries that look at it; all is finite.",
    formula="p_ij = 1: dV_j = sum_i g_i",
    why="It needs no expected gradient but a sum of whole numbers: a query that is left out is missing in it.",
    source=_SOURCE,
    prepare=lambda case: plain(case, mask="none", regime="one-hot"),
    probes=square,
)
def saturated(trial: Trial) -> float:
    """Take small whole numbers as the cotangent: their sums are exact in every format."""
    skip_unless(trial.case["L_k"] and trial.cotangent.size and trial.case["L_q"] * trial.case["H"] <= 64)
    g = trial.generator("whole").integers(-2, 3, trial.cotangent.shape).astype(float)
    gradients, bounds = trial.gradients(cotangent=g), trial.gradient_bounds(cotangent=g)
    for name, each in gradients.items():
        if _lost(trial, each, bounds[name]).any():
            raise Violation(f"the {of_gradient(name)} is not finite where one key has all the weight")
    query, key = trial.inputs.arrays["query"], trial.inputs.arrays["key"]
    groups = key.shape[1]
    own = query @ np.repeat(key, query.shape[1] // groups, 1).swapaxes(-1, -2) == 0  # (B, H, L_q, L_k)
    decided = (own.sum(-1) == 1).all()
    skip_unless(decided)
    total = own.swapaxes(-1, -2).astype(float) @ g
    due = total.reshape(total.shape[0], groups, -1, *total.shape[2:]).sum(2)
    return trial.require_bits(
        gradients["value"], due, "a value that takes all the weight does not get the sum of the cotangents"
    )


@clause(
    "SDPA-24",
    _COMPONENT,
    "The gradients of keys and values are sums over the queries: those of the first rows and of the rest add up.",
    formula="dK(Q) = dK(Q[:m]) + dK(Q[m:]), dV likewise",
    why="It compares the whole with its parts: rows that a backward pass forgets are missing in one of them.",
    source=_SOURCE,
    prepare=lambda case: case.but(mask="none"),
)
def queries_add_up(trial: Trial) -> float:
    """Compare the whole with its blocks: rows that a backward pass forgets are missing in the whole alone."""
    length = trial.case["L_q"]
    skip_unless(length > 1 and trial.case["L_k"] and trial.cotangent.size)
    cut = int(trial.generator("cut").integers(1, length))
    query, g = trial.inputs.arrays["query"], trial.cotangent
    whole, allowed = trial.gradients(), trial.gradient_bounds()
    parts: list[tuple[Inputs, Array]] = [
        (trial.inputs.but(query=query[:, :, rows].copy()), g[:, :, rows].copy())
        for rows in (slice(cut), slice(cut, None))
    ]
    found = [trial.gradients(inputs, cotangent) for inputs, cotangent in parts]
    bounds = [trial.gradient_bounds(inputs, cotangent) for inputs, cotangent in parts]
    ratio = 0.0
    for name in ("key", "value"):
        summed = sum(each[name] for each in found)
        allowance = allowed[name].worst + sum(each[name].worst for each in bounds)
        claim = f"the {of_gradient(name)} of all rows is not the sum of those of the first {cut} and the rest"
        ratio = max(ratio, trial.require_same(whole[name], np.asarray(summed), allowance, claim))
    return ratio
