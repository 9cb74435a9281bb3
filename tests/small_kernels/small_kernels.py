"""Somebody's package, which knows nothing of assay but the names of its functions."""

import numpy as np

package = "small-kernels"
dtypes = ("float64", "float32")


def softmax(x):
    """Over the last axis."""
    e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    return e / e.sum(-1, keepdims=True)


def output_logits(hidden, weight):
    """Multiply with the matrix, but forget one row of it."""
    result = hidden @ weight.swapaxes(0, 1)
    result[..., -1] = 0
    return result


class OnlySoftmax:
    """An object of the package."""

    package = "small-kernels"
    dtypes = ("float32",)
    softmax = staticmethod(softmax)
