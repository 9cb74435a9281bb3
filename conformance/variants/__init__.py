"""Implementations whose verdict is known beforehand: the test of the suite itself.

A wrong variant holds one bug, most of them seen in a real library; the suite must catch it, and when an implementation
fails, its output is compared with theirs to name the bug. A right variant computes the formula in an order or a form of
its own; the suite must let it pass. Each is an adapter: `assay run assay.conformance.variants:causal_off_by_one`.

Nothing here may import the oracle: a catalogue that shares code with the judge would share its mistakes.
"""

from types import SimpleNamespace

from . import (  # noqa: F401  (importing them fills the catalogue)
    adam,
    adam_decay,
    adam_step,
    additive_attention,
    attention,
    attention_calls,
    attention_causal,
    attention_empty,
    attention_masks,
    attention_precision,
    attention_scores,
    attention_tiles,
    beam_search,
    beam_search_scores,
    beam_search_wrong,
    bilinear_attention,
    cross_entropy,
    cross_entropy_gradient,
    cross_entropy_smoothing,
    cross_entropy_targets,
    cross_entropy_wrong,
    dropout,
    embedding,
    feed_forward,
    gradients_attention,
    gradients_attention_masks,
    gradients_attention_tiles,
    gradients_attention_wrong,
    gradients_embedding,
    gradients_feed_forward,
    gradients_layer_norm,
    gradients_layer_norm_wrong,
    gradients_layers,
    gradients_layers_wrong,
    gradients_multi_head_attention,
    gradients_output_logits,
    gradients_scored_attention,
    gradients_scored_attention_wrong,
    gradients_softmax,
    layer_norm,
    layers,
    layers_wrong,
    layers_wrong_cache,
    layers_wrong_parts,
    learning_rate,
    log_softmax,
    log_softmax_gradient,
    multi_head_attention,
    multi_head_attention_masks,
    multi_head_attention_wrong,
    output_logits,
    positional_encoding,
    positional_encoding_wrong,
    softmax,
    stacks,
    stacks_wrong,
    stacks_wrong_logits,
    tokenization,
    tokenization_learning,
    tokenization_text,
    two_functions,
)
from .catalogue import Variant as Variant
from .catalogue import find as find
from .catalogue import variant as variant
from .catalogue import variants as variants


def __getattr__(name: str) -> SimpleNamespace:
    """The adapter of a variant, by its name with underscores."""
    try:
        return find(name.replace("_", "-")).adapter()
    except LookupError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    """The names of the adapters as well, for who mistypes one."""
    return [*globals(), *(each.name.replace("-", "_") for each in variants())]
