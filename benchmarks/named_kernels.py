"""Wrong kernels that are no variants of the catalogue, under names that say nothing, and what should be said of them.

Each is written otherwise than the catalogue's, after bugs of public libraries, and is right but for its bug. What is
due is a pattern: the name of a known bug that it behaves like, or the words of a description that tells the bug.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from assay.conformance.variants import find

Array = Any


@dataclass(frozen=True)
class Kernel:
    """One wrong kernel."""

    name: str
    component: str
    due: str
    """A regular expression that is to be found in the name or in the message of its first failure."""
    functions: dict[str, Callable[..., Any]]
    conventions: Mapping[str, str] = field(default_factory=dict)


KERNELS: Final[list[Kernel]] = []
_PLAIN: Final = {
    "attention": "attention-gradient-plain",
    "layer_norm": "layer-norm-gradient-plain",
    "rms_norm": "rms-norm-gradient-plain",
}


def kernel(component: str, due: str, **conventions: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a kernel; it computes in float64 and is rounded once."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        def rounding_once(*arrays: Array, **options: Any) -> Array:
            first = arrays[0]
            with np.errstate(all="ignore"):
                wide = [np.asarray(each, np.float64) if each.dtype.kind not in "iub" else each for each in arrays]
                return np.asarray(function(*wide, **options)).astype(first.dtype)

        KERNELS.append(Kernel(f"k{len(KERNELS) + 1:02}", component, due, {component: rounding_once}, conventions))
        return function

    return enter


def gradient(component: str, due: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a kernel whose gradients alone are wrong: it changes the right ones, which it gets as a list."""

    def enter(change: Callable[..., Any]) -> Callable[..., Any]:
        right = find(_PLAIN[component])

        def vjp(cotangent: Array, *arrays: Array, **options: Any) -> Array:
            found = [np.array(each) for each in right.vjp(cotangent, *arrays, **options)]  # type: ignore[misc]
            change(found, cotangent, *arrays)
            return tuple(found)

        functions = {component: right.function, f"{component}_vjp": vjp}
        KERNELS.append(Kernel(f"k{len(KERNELS) + 1:02}", component, due, functions))
        return change

    return enter


# Attention


def weights(query: Array, key: Array, scale: float | None, seen: Array, power: Any = np.exp) -> Array:
    """Compute the softmax of the scores; a row that sees no key is zeros."""
    s = np.einsum("bhqd,bhkd->bhqk", query, key) * (query.shape[-1] ** -0.5 if scale is None else scale)
    s = np.where(seen, s, -np.inf)
    e = power(s - np.maximum(s.max(-1, keepdims=True, initial=-np.inf), -1e300))
    total = e.sum(-1, keepdims=True)
    return e / np.where(total == 0, 1, total)


def attends(query: Array, key: Array, value: Array, mask: Array | None, border: int | None) -> Array:
    """Give what each query sees (with `border`, up to so many keys after its own), and keys and values a query head."""
    heads, shape = query.shape[1], (*query.shape[:3], key.shape[2])
    seen = np.broadcast_to(np.True_ if mask is None else mask, shape)
    seen = seen if border is None else seen & (np.arange(shape[3]) <= np.arange(shape[2])[:, None] + border)
    return (seen, *(np.repeat(each, heads // each.shape[1], 1) for each in (key, value)))


@kernel("attention", "causal-strict|does not see its own")
def _(query, key, value, *, mask=None, causal=False, scale=None):  # type: ignore[no-untyped-def]
    seen, k, v = attends(query, key, value, mask, -1 if causal else None)
    p = weights(query, k, scale, seen)
    return np.where(seen.any(-1, keepdims=True) | (mask is not None), p @ v, np.nan)


@kernel("attention", "causal-off-by-one|one key too many")
def _(query, key, value, *, mask=None, causal=False, scale=None):  # type: ignore[no-untyped-def]
    seen, k, v = attends(query, key, value, mask, 1 if causal else None)
    return np.where(seen.any(-1, keepdims=True), weights(query, k, scale, seen) @ v, np.nan)


@kernel("attention", "mask-constant-too-small|masked_row = mean")
def _(query, key, value, *, mask=None, causal=False, scale=None):  # type: ignore[no-untyped-def]
    seen, k, v = attends(query, key, value, mask, 0 if causal else None)
    s = np.einsum("bhqd,bhkd->bhqk", query, k) * (query.shape[-1] ** -0.5 if scale is None else scale)
    e = np.exp(np.where(seen, s, -1e4) - np.where(seen, s, -1e4).max(-1, keepdims=True, initial=-1e300))
    return e / e.sum(-1, keepdims=True) @ v if k.shape[2] else 0 * query @ np.zeros((query.shape[-1], v.shape[-1]))


@kernel("attention", "scale-twice|scaled twice|scale.* twice")
def _(query, key, value, *, mask=None, causal=False, scale=None):  # type: ignore[no-untyped-def]
    seen, k, v = attends(query, key, value, mask, 0 if causal else None)
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    return weights(query * factor, k, scale, seen) @ v


@kernel("attention", "powers-of-two|log2|base 2|exp2")
def _(query, key, value, *, mask=None, causal=False, scale=None):  # type: ignore[no-untyped-def]
    seen, k, v = attends(query, key, value, mask, 0 if causal else None)
    return weights(query, k, scale, seen, np.exp2) @ v


@kernel("attention", "scores = float16")
def _(query, key, value, *, mask=None, causal=False, scale=None):  # type: ignore[no-untyped-def]
    seen, k, v = attends(query, key, value, mask, 0 if causal else None)
    s = np.einsum("bhqd,bhkd->bhqk", query, k) * (query.shape[-1] ** -0.5 if scale is None else scale)
    s = s.astype(np.float16).astype(np.float64)
    e = np.where(seen, np.exp(s - s.max(-1, keepdims=True, initial=-1e300)), 0)
    total = e.sum(-1, keepdims=True)
    return e / np.where(total == 0, 1, total) @ v


@kernel("attention", "probabilities = float16|accumulate|operands = float16|hidden")
def _(query, key, value, *, mask=None, causal=False, scale=None):  # type: ignore[no-untyped-def]
    seen, k, v = attends(query, key, value, mask, 0 if causal else None)
    return weights(query, k, scale, seen).astype(np.float16).astype(np.float64) @ v


@kernel("attention", "mask-of-first-head|causal-off-by-one")
def _(query, key, value, *, mask=None, causal=False, scale=None):  # type: ignore[no-untyped-def]
    first = mask[:, :1] if mask is not None and mask.ndim == 4 else mask
    seen, k, v = attends(query, key, value, first, 1 if causal else None)
    return weights(query, k, scale, seen) @ v


@kernel("attention", "heads-tiled|heads-.*order|holds what is due", masked_row="nan")
def _(query, key, value, *, mask=None, causal=False, scale=None):  # type: ignore[no-untyped-def]
    seen, *_ = attends(query, key, value, mask, 0 if causal else None)
    k, v = (np.tile(each, (1, query.shape[1] // each.shape[1], 1, 1)) for each in (key, value))
    return np.where(seen.any(-1, keepdims=True), weights(query, k, scale, seen) @ v, np.nan)


@kernel("attention", "mask-ignored-with-causal|mask is ignored", masked_row="nan")
def _(query, key, value, *, mask=None, causal=False, scale=None):  # type: ignore[no-untyped-def]
    seen, k, v = attends(query, key, value, None if causal else mask, 0 if causal else None)
    return np.where(seen.any(-1, keepdims=True), weights(query, k, scale, seen) @ v, np.nan)


@kernel("attention", "tail|partial|keys-beyond|multiple of")
def _(query, key, value, *, mask=None, causal=False, scale=None):  # type: ignore[no-untyped-def]
    seen, k, v = attends(query, key, value, mask, 0 if causal else None)
    whole = key.shape[2] // 8 * 8 if key.shape[2] > 8 else key.shape[2]
    return weights(query, k[:, :, :whole], scale, seen[..., :whole]) @ v[:, :, :whole]


@kernel("attention", "padding|zero keys|filled up")
def _(query, key, value, *, mask=None, causal=False, scale=None):  # type: ignore[no-untyped-def]
    seen, k, v = attends(query, key, value, mask, 0 if causal else None)
    more = -key.shape[2] % 8 if key.shape[2] > 8 else 0
    k, v = (np.pad(each, ((0, 0), (0, 0), (0, more), (0, 0))) for each in (k, v))
    return weights(query, k, scale, np.pad(seen, ((0, 0), (0, 0), (0, 0), (0, more)), constant_values=True)) @ v


@kernel("attention", "15/16|every element is 0.9375")
def _(query, key, value, *, mask=None, causal=False, scale=None):  # type: ignore[no-untyped-def]
    seen, k, v = attends(query, key, value, mask, 0 if causal else None)
    return weights(query, k, scale, seen) @ v * 0.9375


@gradient("attention", "gradient-query-none|gradient of query, every element is 0")
def _(found, *_):  # type: ignore[no-untyped-def]
    found[0][:] = 0


@gradient("attention", "gradient-key-none|gradient of key, every element is 0")
def _(found, *_):  # type: ignore[no-untyped-def]
    found[1][:] = 0


@gradient("attention", "gradient-value-none|gradient of value, every element is 0")
def _(found, *_):  # type: ignore[no-untyped-def]
    found[2][:] = 0


@gradient("attention", "keys-lost|tail|partial|from KV position|only from key")
def _(found, *_):  # type: ignore[no-untyped-def]
    keys = found[1].shape[2]
    for each in found[1:]:
        each[:, :, keys // 8 * 8 if keys > 8 else keys :] = 0


@gradient("attention", "gradient of query, every element is 2 times|twice")
def _(found, *_):  # type: ignore[no-untyped-def]
    found[0] *= 2
