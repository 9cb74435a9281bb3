"""Functions that are right up to a size, and wrong beyond it; those of attention stand in its folder."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .arithmetic import Array
from .catalogue import find, variant


def _registered(component: str, right: str, name: str, sentence: str, needs: str, **fields: Any) -> Callable[..., None]:
    """Put a function into the catalogue that is made from a right one, whose file may not be imported yet."""

    def register(make: Callable[[Callable[..., Array]], Callable[..., Array]]) -> None:
        @variant(name, component, sentence, needs=needs, **fields)
        def function(*arrays: Any, **options: Any) -> Array:
            return make(find(right).function)(*arrays, **options)

    return register


def _zero_beyond(limit: int, axis: int) -> Callable[[Callable[..., Array]], Callable[..., Array]]:
    """Leave zeros in what lies beyond a limit along an axis of the result, if it has that axis."""

    def make(right: Callable[..., Array]) -> Callable[..., Array]:
        def function(*arrays: Any, **options: Any) -> Array:
            result = np.array(right(*arrays, **options))
            if result.ndim >= abs(axis):
                np.moveaxis(result, axis, 0)[limit:] = 0
            return result

        return function

    return make


def _first_argument(change: Callable[[Array], Array]) -> Callable[[Callable[..., Array]], Callable[..., Array]]:
    """Change the first argument before the right function sees it."""

    def make(right: Callable[..., Array]) -> Callable[..., Array]:
        return lambda first, *others, **options: right(change(first), *others, **options)

    return make


def _hidden_beyond(limit: int) -> Callable[[Array], Array]:
    """Set logits beyond a limit to minus infinity."""

    def change(x: Array) -> Array:
        x = np.array(x)
        x[..., limit:] = -np.inf
        return x

    return change


def _with_zeros_beyond(limit: int) -> Callable[[Array], Array]:
    """Set channels beyond a limit to zero."""

    def change(x: Array) -> Array:
        x = np.array(x)
        x[..., limit:] = 0
        return x

    return change


def _rows_beyond(component: str, right: str, name: str, rows: int, axis: int = -2) -> None:
    _registered(
        component,
        right,
        f"{name}-rows-beyond-{rows}",
        f"Rows beyond the first {rows} have zeros: the grid has so many places.",
        f"more than {rows} rows",
    )(_zero_beyond(rows, axis))


for _component, _right, _name in (
    ("softmax", "softmax-plain", "softmax"),
    ("layer_norm", "layer-norm-two-pass", "layer-norm"),
    ("rms_norm", "rms-norm-plain", "rms-norm"),
    ("feed_forward", "feed-forward-plain", "feed-forward"),
    ("gated_feed_forward", "gated-plain", "gated"),
    ("output_logits", "output-logits-plain", "output-logits"),
    ("embedding", "embedding-plain", "embedding"),
):
    _rows_beyond(_component, _right, _name, 65_535)


# Rows of logits

for _limit in (300, 1024, 32_768, 131_072):
    _registered(
        "softmax",
        "softmax-plain",
        f"softmax-entries-beyond-{_limit}",
        f"Entries beyond the first {_limit} of a row do not count: a row is one block of so many.",
        f"rows of more than {_limit}",
    )(_first_argument(_hidden_beyond(_limit)))

for _limit in (300, 4096, 131_072):

    def _cut_sum(right: Callable[..., Array], limit: int = _limit) -> Callable[..., Array]:
        def log_softmax(x: Array) -> Array:
            of_first = np.asarray(right(x[..., :limit]), np.float64)
            # x - lse of the first, for all: what is subtracted is the same.
            wide = np.asarray(x, np.float64)
            shift = (wide[..., :1] - of_first[..., :1]) if x.shape[-1] > limit else 0
            return (wide - shift).astype(x.dtype) if x.shape[-1] > limit else right(x)

        return log_softmax

    _registered(
        "log_softmax",
        "log-softmax-through-maximum",
        f"log-softmax-sum-beyond-{_limit}",
        f"The sum of exponentials ends with entry {_limit}.",
        f"rows of more than {_limit}",
    )(_cut_sum)

for _limit in (300, 32_768, 131_072):
    _registered(
        "cross_entropy",
        "cross-entropy-through-maximum",
        f"cross-entropy-classes-beyond-{_limit}",
        f"Classes beyond the first {_limit} count as impossible unless they are targets.",
        f"more than {_limit} classes",
    )(
        lambda right, limit=_limit: (
            lambda logits, targets, **given: right(_impossible_beyond(limit, logits, targets), targets, **given)
        )
    )


def _impossible_beyond(limit: int, logits: Array, targets: Array) -> Array:
    """Hide classes beyond a limit, but for the targets; very small, so that label smoothing stays finite."""
    hidden, classes = np.array(logits), np.arange(logits.shape[-1])
    away = (classes >= limit) & (classes != np.asarray(targets)[..., None])
    hidden[np.broadcast_to(away, hidden.shape)] = logits.min(initial=0)
    return hidden


# Norms

for _component, _right, _name in (
    ("layer_norm", "layer-norm-two-pass", "layer-norm"),
    ("rms_norm", "rms-norm-plain", "rms-norm"),
):
    for _limit in (512, 1024, 8192):
        _registered(
            _component,
            _right,
            f"{_name}-channels-beyond-{_limit}",
            f"Channels beyond the first {_limit} are read as zeros: a row is one block of so many.",
            f"more than {_limit} channels",
        )(_first_argument(_with_zeros_beyond(_limit)))


# Products

for _limit in (256, 8192):
    _registered(
        "feed_forward",
        "feed-forward-plain",
        f"feed-forward-units-beyond-{_limit}",
        f"Hidden units beyond the first {_limit} are left out.",
        f"d_ff above {_limit}",
    )(lambda right, limit=_limit: lambda x, w_1, b_1, w_2, b_2: right(x, w_1[:, :limit], b_1[:limit], w_2[:limit], b_2))
    _registered(
        "gated_feed_forward",
        "gated-plain",
        f"gated-units-beyond-{_limit}",
        f"Hidden units beyond the first {_limit} are left out.",
        f"d_ff above {_limit}",
    )(
        lambda right, limit=_limit: (
            lambda x, w_gate, w_up, w_down, **options: right(
                x, w_gate[:, :limit], w_up[:, :limit], w_down[:limit], **options
            )
        )
    )

for _limit in (512, 65_536):
    _registered(
        "output_logits",
        "output-logits-plain",
        f"output-logits-words-beyond-{_limit}",
        f"The logits of words beyond the first {_limit} are zeros.",
        f"a vocabulary above {_limit}",
    )(_zero_beyond(_limit, -1))

_registered(
    "output_logits",
    "output-logits-plain",
    "output-logits-channels-beyond-512",
    "Products go over the first 512 channels.",
    "d_model above 512",
)(_first_argument(_with_zeros_beyond(512)))

_registered(
    "embedding",
    "embedding-plain",
    "embedding-tokens-of-16-bits",
    "A token is kept in 16 bits: the token 65,536 is the token 0 again.",
    "a vocabulary above 65,536",
)(_first_argument(lambda tokens: tokens % 2**16))

_registered(
    "embedding",
    "embedding-plain",
    "embedding-channels-beyond-512",
    "Channels beyond the first 512 are zeros.",
    "d_model above 512",
)(_zero_beyond(512, -1))


# Positions

for _limit in (30_000, 131_072):
    _registered(
        "positional_encoding",
        "positional-plain",
        f"positional-table-of-{_limit}",
        f"The table has {_limit} positions; beyond them it begins anew.",
        f"more than {_limit} positions",
    )(
        lambda right, limit=_limit: (
            lambda length, d_model: right(min(length, limit), d_model)[np.arange(length) % max(min(length, limit), 1)]
        )
    )


# Heads

_registered(
    "multi_head_attention",
    "multi-head-plain",
    "multi-head-positions-beyond-256",
    "Outputs beyond the first 256 positions are zeros.",
    "more than 256 queries",
)(_zero_beyond(256, -2))

_registered(
    "multi_head_attention",
    "multi-head-plain",
    "multi-head-channels-beyond-512",
    "Queries are read in their first 512 channels.",
    "d_model above 512",
)(_first_argument(_with_zeros_beyond(512)))


# Steps and parameters

_registered(
    "adam",
    "adam-plain",
    "adam-parameters-beyond-65536",
    "Parameters beyond the first 65,536 keep their values.",
    "more than 65,536 parameters",
)(
    lambda right: (
        lambda parameters, gradients, **options: np.concatenate(
            [right(parameters[:65_536], gradients[:, :65_536], **options), parameters[65_536:]]
        )
    )
)
