"""The reference of today's tests: the formula in eager PyTorch, in whatever format its arguments come.

A matrix product, a softmax and a matrix product, each rounded to the format of the arguments; all else is torch's own.
"""

from typing import Any

import torch

from assay.adapters.library.torch import *  # noqa: F403  (every component but attention)
from assay.adapters.library.torch import positional_encoding as positional_encoding

framework = "torch"
dtypes = ("float64", "float32", "bfloat16", "float16")


def attention(query: Any, key: Any, value: Any, *, mask: Any = None, causal: bool = False, scale: Any = None) -> Any:
    """softmax(query key^T scale) value; a row that sees no key is zero."""
    heads = query.shape[1]
    key, value = (each.repeat_interleave(heads // each.shape[1], dim=1) for each in (key, value))
    scores = query @ (key * (query.shape[-1] ** -0.5 if scale is None else scale)).transpose(-1, -2)
    seen = torch.ones(scores.shape[-2:], dtype=torch.bool)
    seen = seen.tril() if causal else seen
    seen = seen if mask is None else seen & mask
    weights = torch.softmax(scores.masked_fill(~seen, float("-inf")), dim=-1)
    return weights.masked_fill(~seen.any(-1, keepdim=True), 0.0) @ value
