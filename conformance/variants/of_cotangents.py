"""Gradients that are right along cotangents of ordinary numbers, and wrong along others."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from .arithmetic import Array
from .catalogue import find, variant

Change = Callable[[Array], Array]


def _registered(component: str, right: str, name: str, sentence: str, needs: str, change: Change) -> None:
    """Put the gradients of a right variant, whose file may not be imported yet, along another cotangent."""

    def vjp(g: Array, *arrays: Any, **options: Any) -> Any:
        of_right = find(right).vjp
        assert of_right is not None
        with np.errstate(all="ignore"):
            return of_right(np.asarray(change(g), g.dtype), *arrays, **options)

    def forward(*arrays: Any, **options: Any) -> Any:
        return find(right).function(*arrays, **options)

    variant(f"{component.replace('_', '-')}-gradient-{name}", component, sentence, needs=needs, vjp=vjp)(forward)


def _without_small(g: Array) -> Array:
    return np.where(np.abs(g) < 1e-5, 0, g)


def _clipped(g: Array) -> Array:
    return np.clip(g, -100, 100)


def _scaled_up(g: Array) -> Array:
    """Overflow as 128 g does in float16."""
    return np.where(np.abs(g) > 511, np.copysign(np.inf, g), g)


def _by_rows(g: Array) -> tuple[Array, Array]:
    """Give the cotangent of each row, and which rows hold other numbers than zero."""
    rows = g.reshape(-1, g.shape[-1])
    return rows, np.asarray(rows.any(-1))


def _moved_up(g: Array) -> Array:
    """Leave out rows of zeros, and forget where the others stood."""
    if not g.size:
        return g
    rows, there = _by_rows(g)
    return np.concatenate([rows[there], rows[~there]]).reshape(g.shape)


def _of_first_row(g: Array) -> Array:
    """Take a first row of zeros for a cotangent of zeros."""
    return np.zeros_like(g) if g.size and not g.reshape(-1, g.shape[-1])[0].any() else g


def _constant_of_one(g: Array) -> Array:
    """Take a constant cotangent for that of a sum."""
    return np.ones_like(g) if g.size > 1 and (g == g.flat[0]).all() and g.any() else g


def _one_hot_of_one(g: Array) -> Array:
    """Keep the place of a number that stands alone in its row, and not the number."""
    alone = (np.count_nonzero(g, axis=-1) == 1)[..., None] if g.ndim and g.shape[-1] > 1 else False
    return np.where(alone & (g != 0), 1, g)


def _mean_of_one_sign(g: Array) -> Array:
    """Take numbers of one sign for weights that are all alike."""
    return np.full_like(g, g.mean()) if g.size > 15 and ((g > 0).all() or (g < 0).all()) else g


_CHANGES: Final = {
    "without-small": ("Cotangents below 1e-5 count as zero.", "a tiny cotangent", _without_small),
    "clipped": ("The cotangent is clipped to 100.", "a cotangent above 100", _clipped),
    "scaled-up": ("The cotangent is taken times 128 in float16.", "a cotangent above 511", _scaled_up),
    "moved-up": ("Rows of zeros are left out, and the others move up.", "rows of zeros", _moved_up),
    "of-first-row": ("If its first row is zero, the cotangent is taken for zero.", "a row of zeros", _of_first_row),
    "constant-of-one": ("A constant cotangent is taken for ones.", "a constant other than 1", _constant_of_one),
    "one-hot-of-one": ("A number that is alone in its row is taken for 1.", "a one-hot row", _one_hot_of_one),
    "mean-of-one-sign": ("Numbers of one sign are taken for their mean.", "one sign", _mean_of_one_sign),
}

for _component, _right, _names in (
    ("softmax", "softmax-gradient-plain", ("without-small", "clipped", "moved-up")),
    ("log_softmax", "log-softmax-plain", ("of-first-row", "one-hot-of-one")),
    ("layer_norm", "layer-norm-gradient-plain", ("without-small", "scaled-up")),
    ("rms_norm", "rms-norm-gradient-plain", ("clipped", "mean-of-one-sign")),
    ("feed_forward", "feed-forward-gradient-plain", ("constant-of-one", "moved-up")),
    ("output_logits", "output-logits-gradient-plain", ("one-hot-of-one", "scaled-up")),
    ("embedding", "embedding-gradient-plain", ("of-first-row", "constant-of-one")),
):
    for _name in _names:
        _registered(_component, _right, _name, *_CHANGES[_name])
