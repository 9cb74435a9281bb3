"""The learning rate: d_model^-0.5 min(step^-0.5, step warmup^-1.5); the result is float64 but for one variant."""

import math

import numpy as np

from .arithmetic import FLOAT16, FLOAT32, FLOAT64, Array, rounded
from .catalogue import WIDEST, variant


def schedule(steps: Array, d_model: int, warmup: int) -> Array:
    """Compute d_model^-0.5 min(step^-0.5, step warmup^-1.5)."""
    s = steps.astype(FLOAT64)
    return np.asarray(d_model**-0.5 * np.minimum(s**-0.5, s * warmup**-1.5))


# Right


@variant("learning-rate-plain", "learning_rate", "The formula.", wrong=False, dtypes=WIDEST)
def learning_rate_plain(steps: Array, *, d_model: int, warmup: int) -> Array:
    return schedule(steps, d_model, warmup)


@variant("learning-rate-by-roots", "learning_rate", "Reciprocal roots for powers.", wrong=False, dtypes=WIDEST)
def learning_rate_by_roots(steps: Array, *, d_model: int, warmup: int) -> Array:
    rising = steps / (warmup * math.sqrt(warmup))
    return np.asarray(np.minimum(1 / np.sqrt(steps), rising) / math.sqrt(d_model))


@variant("learning-rate-by-branch", "learning_rate", "A branch at the warm-up for min.", wrong=False, dtypes=WIDEST)
def learning_rate_by_branch(steps: Array, *, d_model: int, warmup: int) -> Array:
    root = steps.astype(FLOAT64) ** -0.5
    return np.asarray(np.where(steps < warmup, steps * warmup**-1.5, root) * d_model**-0.5)


@variant("learning-rate-float32", "learning_rate", "Everything in float32.", wrong=False, dtypes=("float32",))
def learning_rate_float32(steps: Array, *, d_model: int, warmup: int) -> Array:
    s, w, d = steps.astype(FLOAT32), np.float32(warmup), np.float32(d_model)
    return np.asarray(d ** np.float32(-0.5) * np.minimum(s ** np.float32(-0.5), s * w ** np.float32(-1.5)))


# Wrong


@variant(
    "learning-rate-step-from-0",
    "learning_rate",
    "The first step counts as 0.",
    needs="any step",
    seen_in=(
        "EleutherAI/gpt-neox#1379",
        "karpathy/nanoGPT#578",
        "CUNY-CL/yoyodyne#300",
        "facebookresearch/fairseq#1408",
    ),
    dtypes=WIDEST,
)
def learning_rate_step_from_0(steps: Array, *, d_model: int, warmup: int) -> Array:
    with np.errstate(divide="ignore"):
        return schedule(steps - 1, d_model, warmup)


@variant(
    "learning-rate-step-from-2",
    "learning_rate",
    "The first step counts as 2.",
    needs="any step",
    seen_in=("pytorch/pytorch#23480",),
    dtypes=WIDEST,
)
def learning_rate_step_from_2(steps: Array, *, d_model: int, warmup: int) -> Array:
    return schedule(steps + 1, d_model, warmup)


@variant("learning-rate-max", "learning_rate", "max stands for min.", needs="a step unlike warmup", dtypes=WIDEST)
def learning_rate_max(steps: Array, *, d_model: int, warmup: int) -> Array:
    s = steps.astype(FLOAT64)
    return np.asarray(d_model**-0.5 * np.maximum(s**-0.5, s * warmup**-1.5))


@variant(
    "learning-rate-warmup-by-1",
    "learning_rate",
    "The exponent of warmup is -1.",
    needs="a step below warmup, warmup above 1",
    dtypes=WIDEST,
)
def learning_rate_warmup_by_1(steps: Array, *, d_model: int, warmup: int) -> Array:
    s = steps.astype(FLOAT64)
    return np.asarray(d_model**-0.5 * np.minimum(s**-0.5, s / warmup))


@variant(
    "learning-rate-grows-with-d", "learning_rate", "The factor is d_model^0.5.", needs="d_model > 1", dtypes=WIDEST
)
def learning_rate_grows_with_d(steps: Array, *, d_model: int, warmup: int) -> Array:
    return schedule(steps, d_model, warmup) * d_model


@variant("learning-rate-without-d", "learning_rate", "d_model is ignored.", needs="d_model above 1", dtypes=WIDEST)
def learning_rate_without_d(steps: Array, *, d_model: int, warmup: int) -> Array:
    return schedule(steps, 1, warmup)


@variant(
    "learning-rate-constant-after", "learning_rate", "It stays at its peak.", needs="steps beyond warmup", dtypes=WIDEST
)
def learning_rate_constant_after(steps: Array, *, d_model: int, warmup: int) -> Array:
    return schedule(np.minimum(steps, warmup), d_model, warmup)


@variant(
    "learning-rate-decays-by-step",
    "learning_rate",
    "After the warm-up it falls as 1/step, not as its root.",
    needs="steps beyond warmup",
    dtypes=WIDEST,
)
def learning_rate_decays_by_step(steps: Array, *, d_model: int, warmup: int) -> Array:
    peak = schedule(np.minimum(steps, warmup), d_model, warmup)
    return np.asarray(peak * np.minimum(warmup / steps, 1))


@variant(
    "learning-rate-without-warmup",
    "learning_rate",
    "It falls from the first step.",
    needs="a step below warmup",
    dtypes=WIDEST,
)
def learning_rate_without_warmup(steps: Array, *, d_model: int, warmup: int) -> Array:
    return schedule(steps, d_model, 1)


@variant(
    "learning-rate-warmup-exponential",
    "learning_rate",
    "It rises from a hundredth of its peak by equal factors.",
    needs="a step below warmup",
    seen_in=("tensorflow/tensor2tensor#555",),
    dtypes=WIDEST,
)
def learning_rate_warmup_exponential(steps: Array, *, d_model: int, warmup: int) -> Array:
    peak = schedule(np.maximum(steps, warmup), d_model, warmup)
    return np.asarray(peak * 0.01 ** (np.maximum(warmup - steps, 0) / warmup))


@variant(
    "learning-rate-warmup-4000",
    "learning_rate",
    "A given warmup is ignored for 4000.",
    needs="a warmup unlike 4000, a step below either",
    dtypes=WIDEST,
)
def learning_rate_warmup_4000(steps: Array, *, d_model: int, warmup: int) -> Array:
    return schedule(steps, d_model, 4000)


@variant(
    "learning-rate-decays-afresh",
    "learning_rate",
    "The decay counts its steps from the end of the warm-up.",
    needs="steps beyond warmup, warmup above 1",
    dtypes=WIDEST,
)
def learning_rate_decays_afresh(steps: Array, *, d_model: int, warmup: int) -> Array:
    after = np.maximum(steps - warmup, 1).astype(FLOAT64)
    peak = (d_model * warmup) ** -0.5
    return np.asarray(np.where(steps <= warmup, schedule(steps, d_model, warmup), peak * after**-0.5))


@variant(
    "learning-rate-peak-late",
    "learning_rate",
    "The step after warmup still rises (`<=` for `<`, one step on).",
    needs="the step warmup + 1",
    dtypes=WIDEST,
)
def learning_rate_peak_late(steps: Array, *, d_model: int, warmup: int) -> Array:
    rising = d_model**-0.5 * steps * warmup**-1.5
    return np.asarray(np.where(steps <= warmup + 1, rising, schedule(steps, d_model, warmup)))


@variant(
    "learning-rate-step-float16",
    "learning_rate",
    "The step passes through float16.",
    needs="odd steps above 2048, or steps above 65504",
    dtypes=WIDEST,
)
def learning_rate_step_float16(steps: Array, *, d_model: int, warmup: int) -> Array:
    with np.errstate(over="ignore", divide="ignore"):
        return schedule(rounded(steps.astype(FLOAT64), FLOAT16), d_model, warmup)


@variant(
    "learning-rate-by-place",
    "learning_rate",
    "Steps are counted from the first that is given, whatever the others are.",
    needs="steps that do not follow each other",
    dtypes=WIDEST,
)
def learning_rate_by_place(steps: Array, *, d_model: int, warmup: int) -> Array:
    return schedule(steps[:1] + np.arange(len(steps)), d_model, warmup)


@variant(
    "learning-rate-resumed-late",
    "learning_rate",
    "A run that does not begin with step 1 is a step behind: its state was saved before the count went on.",
    needs="a first step above 1",
    seen_in=("Lightning-AI/pytorch-lightning#1772",),
    dtypes=WIDEST,
)
def learning_rate_resumed_late(steps: Array, *, d_model: int, warmup: int) -> Array:
    return schedule(steps - (steps[:1] > 1), d_model, warmup)


@variant(
    "learning-rate-resumed-afresh",
    "learning_rate",
    "The first step that is given counts as 1: a run that goes on begins its schedule again.",
    needs="a first step above 1",
    seen_in=("vllm-project/speculators#900",),
    dtypes=WIDEST,
)
def learning_rate_resumed_afresh(steps: Array, *, d_model: int, warmup: int) -> Array:
    return schedule(steps - steps[:1] + 1, d_model, warmup)
