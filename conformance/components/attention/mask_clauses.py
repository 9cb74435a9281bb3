"""The clauses of attention's masks: which keys a row sees, and what it holds if it sees none."""

import numpy as np

from ...terms.clause import clause
from ...terms.component import Inputs
from ...terms.requirements import require_within, skip_unless
from ...terms.rounding import rounded
from ...terms.trial import Trial
from .cases import plain, seen_by, square

_MASKING = "paper, section 3.2.3: illegal connections are set to minus infinity before the softmax"
_COMPONENT = "attention"


@clause(
    "SDPA-14",
    _COMPONENT,
    "Masking keys is the same as deleting them.",
    formula="mask_j = False for all i: Attention over the keys that are left",
    why="It compares two calls: a masking constant that is too small, or comes too late, is reported as such.",
    source=_MASKING,
    prepare=lambda case: case.but(mask="none"),
)
def mask_deletes(trial: Trial) -> float:
    """Mask a third of the keys, anywhere."""
    keys = trial.case["L_k"]
    skip_unless(keys > 1)
    left = trial.generator("left").random(keys) < 0.67
    left[trial.generator("one").integers(keys)] = True
    arrays = trial.inputs.arrays
    masked = trial.inputs.but(mask=left[None, None, None, :])
    deleted = trial.inputs.but(key=arrays["key"][:, :, left].copy(), value=arrays["value"][:, :, left].copy())
    allowance = trial.bound(masked).worst + trial.bound(deleted).worst
    return trial.require_same(
        trial.call(masked), trial.call(deleted), allowance, "without the masked keys, the result is another"
    )


@clause(
    "SDPA-15",
    _COMPONENT,
    "What stands in masked keys and values does not matter.",
    formula="p_ij = 0 exactly where mask_ij is False",
    role="decides",
    why="It puts 1000 into the hidden keys and -1000 into their values, so that a small leak grows with them.",
    source=_MASKING,
    prepare=lambda case: plain(case, mask="padding-right"),
    probes=square,
)
def masked_content(trial: Trial) -> float:
    """Put large finite numbers in the places that no row sees."""
    hidden = ~np.any(seen_by(trial.inputs, trial.conventions), axis=(1, 2))  # (B, L_k)
    skip_unless(hidden.any())
    places = hidden[:, None, :, None]
    arrays = trial.inputs.arrays
    other = trial.inputs.but(
        key=np.where(places, 1000.0, arrays["key"]), value=np.where(places, -1000.0, arrays["value"])
    )
    return trial.require_same(
        trial.call(other), trial.call(), 2 * trial.bound().worst, "what stands in masked keys matters"
    )


@clause(
    "SDPA-16",
    _COMPONENT,
    "No row sees the future: what stands in later keys changes nothing, bit for bit.",
    formula="causal: p_ij = 0 exactly for j beyond i, as aligned",
    role="decides",
    why="It is exact: in bfloat16 the bound, about a thousandth of the values, lets a leak through.",
    source=_MASKING,
    prepare=lambda case: plain(case, mask="causal"),
)
def future_unseen(trial: Trial) -> float:
    """Take other keys and values from a place on; rows that see none of them keep their bits."""
    keys = trial.case["L_k"]
    skip_unless(keys > 1)
    first = int(trial.generator("first").integers(1, keys))
    later = np.arange(keys) >= first
    arrays, generator = trial.inputs.arrays, trial.generator("other")
    other = trial.inputs.but(
        **{
            name: np.where(
                later[:, None], rounded(generator.standard_normal(arrays[name].shape), trial.dtype), arrays[name]
            )
            for name in ("key", "value")
        }
    )
    seen = seen_by(trial.inputs, trial.conventions)
    before = np.logical_not(np.any(seen[..., first:], -1))
    if trial.conventions["masked_row"] == "mean":
        before = before & np.any(seen, -1)  # the others hold the mean of all values, of later ones as well
    skip_unless(before.any())
    chosen = np.broadcast_to(before[..., None], trial.component.shape(trial.inputs))
    return trial.require_bits(
        trial.call(other), trial.call(), f"a row sees what comes later (keys from {first} on)", chosen
    )


@clause(
    "SDPA-17",
    _COMPONENT,
    "Where L_q and L_k differ, the causal mask is aligned as declared.",
    formula="top-left: j <= i; bottom-right: j <= i + L_k - L_q",
    why="It says that the causal mask stands at the wrong corner; ALL-1 says that some rows are wrong.",
    source="convention causal_alignment",
    prepare=lambda case: plain(case, mask="causal") if case["L_q"] != case["L_k"] else None,
)
def alignment(trial: Trial) -> float:
    """Take L_q < L_k and L_q > L_k."""
    how = trial.conventions["causal_alignment"]
    return require_within(trial.judge(trial.call()), f"the value is wrong with a causal mask, {how}, and L_q != L_k")


@clause(
    "SDPA-18",
    _COMPONENT,
    "Decoding step by step with the keys so far equals the full causal pass.",
    formula="row i = Attention(q_i, K[:i+1], V[:i+1])",
    why="It compares decoding with the full pass, which generation relies on, whatever both should be.",
    source="paper, section 3.2.3: the decoder attends to positions up to and including its own",
    prepare=lambda case: plain(case, mask="causal", L_k=case["L_q"]),
)
def decoding(trial: Trial) -> float:
    """Call for the first row, the last, and one between."""
    length = trial.case["L_q"]
    skip_unless(length)
    whole, worst, arrays = trial.call(), trial.bound().worst, trial.inputs.arrays
    ratio = 0.0
    for i in sorted({0, int(trial.generator("row").integers(length)), length - 1}):
        upto = slice(0, i + 1)
        step = Inputs(
            {
                "query": arrays["query"][:, :, i : i + 1].copy(),
                "key": arrays["key"][:, :, upto].copy(),
                "value": arrays["value"][:, :, upto].copy(),
            },
            {**trial.inputs.options, "causal": False},
        )
        allowance = worst[:, :, i : i + 1] + trial.bound(step).worst
        claim = f"row {i} of the causal pass differs from decoding it alone"
        ratio = max(ratio, trial.require_same(trial.call(step), whole[:, :, i : i + 1], allowance, claim))
    return ratio


@clause(
    "SDPA-19",
    _COMPONENT,
    "A row that sees no key holds what is declared, and leaves its neighbours alone.",
    formula="masked_row: zero, nan or the mean of all values",
    why="It says what a row without a key holds, and that such a row harms its neighbours.",
    source="convention masked_row",
    prepare=lambda case: plain(case, mask="blind-rows"),
)
def blind_rows(trial: Trial) -> float:
    """Compare the others with what they are where the blind rows see everything."""
    blind = ~np.any(seen_by(trial.inputs, trial.conventions), axis=-1)
    skip_unless(blind.any())
    actual = trial.call()
    ratio = require_within(trial.judge(actual), "the value is wrong with rows that see no key")
    sighted = trial.inputs.but(mask=trial.inputs.arrays["mask"] | blind[0, 0][:, None])
    allowance = trial.bound().worst + trial.bound(sighted).worst
    other = np.where(blind[..., None], actual, trial.call(sighted))
    return max(
        ratio,
        trial.require_same(actual, other, allowance, "without the rows that see no key, their neighbours are others"),
    )


@clause(
    "SDPA-20",
    _COMPONENT,
    "A mask may come in any shape that broadcasts, and the causal one may come as a mask.",
    formula="mask broadcast to (B, H, L_q, L_k); causal = the mask j <= i, as aligned",
    role="decides",
    why="It compares the forms in which one mask may come: a kernel may have a path for each.",
    source=_MASKING,
    prepare=lambda case: case if case["mask"] != "none" else case.but(mask="causal+random"),
)
def masks_of_any_shape(trial: Trial) -> float:
    """Compare with the whole mask written out."""
    seen = seen_by(trial.inputs, trial.conventions)
    written_out = trial.inputs.but(mask=seen.copy(), causal=False)
    return trial.require_same(
        trial.call(),
        trial.call(written_out),
        2 * trial.bound().worst,
        "with the mask written out, the result is another",
    )
