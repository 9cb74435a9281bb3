"""The wrong kernels of rows, networks and training; as `named_kernels.py` has them."""

import numpy as np
from named_kernels import gradient, kernel


def normal(x, gain, bias, epsilon, *, over=None, deviation=None):  # type: ignore[no-untyped-def]
    """Normalise rows, with another mean or deviation where these are given."""
    mean = x.mean(-1, keepdims=True) if over is None else over
    root = np.sqrt(x.var(-1, keepdims=True) + epsilon) if deviation is None else deviation
    return gain * (x - mean) / root + bias


@kernel("layer_norm", "layer-norm-unbiased")
def _(x, gain, bias, *, epsilon=1e-5):  # type: ignore[no-untyped-def]
    return normal(x, gain, bias, epsilon, deviation=np.sqrt(x.var(-1, keepdims=True, ddof=1) + epsilon))


@kernel("layer_norm", "layer-norm-unbiased|epsilon-outside|annotated|deviation.*n - 1")
def _(x, gain, bias, *, epsilon=1e-5):  # type: ignore[no-untyped-def]
    return normal(x, gain, bias, epsilon, deviation=x.std(-1, keepdims=True, ddof=1) + epsilon)


@kernel("layer_norm", "tail|multiple of 8|last whole block")
def _(x, gain, bias, *, epsilon=1e-5):  # type: ignore[no-untyped-def]
    d = x.shape[-1]
    part = x[..., : d // 8 * 8] if d > 8 else x
    deviation = np.sqrt(part.var(-1, keepdims=True) + epsilon)
    return normal(x, gain, bias, epsilon, over=part.mean(-1, keepdims=True), deviation=deviation)


@kernel("layer_norm", "statistics = float16")
def _(x, gain, bias, *, epsilon=1e-5):  # type: ignore[no-untyped-def]
    mean = x.mean(-1, keepdims=True).astype(np.float16).astype(np.float64)
    return normal(x, gain, bias, epsilon, over=mean)


@kernel("layer_norm", "gain.*(missing|twice)|unbiased")
def _(x, gain, bias, *, epsilon=1e-5):  # type: ignore[no-untyped-def]
    return normal(x, np.ones_like(gain), bias, epsilon, deviation=np.sqrt(x.var(-1, keepdims=True, ddof=1) + epsilon))


@gradient("layer_norm", "gradient of gain, every element is 0|frozen|gain-none")
def _(found, *_):  # type: ignore[no-untyped-def]
    found[1][:] = 0


@gradient("layer_norm", "gradient of bias, every element is 0|bias-none")
def _(found, *_):  # type: ignore[no-untyped-def]
    found[2][:] = 0


@gradient("rms_norm", "gradient of gain, every element is 0|frozen|gain-none")
def _(found, *_):  # type: ignore[no-untyped-def]
    found[1][:] = 0


@kernel("rms_norm", "rms-norm-unbiased")
def _(x, gain, *, epsilon=1e-6):  # type: ignore[no-untyped-def]
    return gain * x / np.sqrt((x * x).sum(-1, keepdims=True) / (np.float64(x.shape[-1]) - 1) + epsilon)


@kernel("softmax", "powers-of-two|log2")
def _(x):  # type: ignore[no-untyped-def]
    e = np.exp2(x - x.max(-1, keepdims=True, initial=-np.inf))
    return e / e.sum(-1, keepdims=True)


@kernel("softmax", "tail|last|multiple of")
def _(x):  # type: ignore[no-untyped-def]
    n = x.shape[-1]
    e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    return e / e[..., : n // 4 * 4 if n > 4 else n].sum(-1, keepdims=True)


@kernel("log_softmax", "statistics = float16|accumulate|precision")
def _(x):  # type: ignore[no-untyped-def]
    shifted = x - x.max(-1, keepdims=True, initial=-np.inf)
    total = np.exp(shifted).sum(-1, keepdims=True).astype(np.float16).astype(np.float64)
    return shifted - np.log(total)


@kernel("feed_forward", "relu-leaky|slope|negative")
def _(x, w_1, b_1, w_2, b_2):  # type: ignore[no-untyped-def]
    hidden = x @ w_1 + b_1
    return np.where(hidden > 0, hidden, 0.02 * hidden) @ w_2 + b_2


@kernel("output_logits", "last|tail")
def _(hidden, weight):  # type: ignore[no-untyped-def]
    result = hidden @ weight.T
    result[..., result.shape[-1] // 4 * 4 if result.shape[-1] > 4 else result.shape[-1] :] = 0
    return result


@kernel("output_logits", "operands = (float16|tensorfloat32)")
def _(hidden, weight):  # type: ignore[no-untyped-def]
    return hidden.astype(np.float16).astype(np.float64) @ weight.astype(np.float16).astype(np.float64).T


def adam(parameters, gradients, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0.0):  # type: ignore[no-untyped-def]
    """Give the parameters after each step, those at the start first."""
    p, m, v, every = parameters, 0 * parameters, 0 * parameters, [parameters]
    for t, g in enumerate(gradients, 1):
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g * g
        step = m / (1 - beta_1**t) / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
        p = p - learning_rate * (step + weight_decay * p)
        every.append(p)
    return every


@kernel("adam", "late|one step|last step|step.* before")
def _(parameters, gradients, **options):  # type: ignore[no-untyped-def]
    every = adam(parameters, gradients, **options)
    return np.stack(every[:-1]) if len(every) > 1 else np.zeros((0, *parameters.shape))


@kernel("adam", "betas-swapped|beta")
def _(parameters, gradients, beta_1=0.9, beta_2=0.999, **options):  # type: ignore[no-untyped-def]
    every = adam(parameters, gradients, beta_1=beta_2, beta_2=beta_1, **options)
    return np.stack(every[1:]) if len(every) > 1 else np.zeros((0, *parameters.shape))
