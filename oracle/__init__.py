"""The truth: every formula in float64, and how far from it a right implementation may be. Needs numpy alone.

    from assay import oracle
    oracle.attention(query, key, value, causal=True)             the result
    oracle.attention_bound(query, key, value, numerics=...)      a `Bound`: the result, W, S

Functions have the names and arguments of the contract, the conventions as further keywords: a formula `x`, its gradient
`x_vjp` (cotangent first), how far a right implementation may be from the one, `x_bound`, and from the other,
`x_vjp_bound`, which maps each argument's name to a `Bound`. `precision_classes("bfloat16")` gives the numerics that an
implementation is held to; `Numerics` says what each of them means, and `rounding/bound.py` what a `Bound` holds.
Arguments of another shape or kind, or outside of what the formula defines, raise `SpecError`, a ValueError of one
sentence.

Functions that are named after their file are found without being listed. A type checker sees only what is written
down, though, and completion in an editor with it: so the lines under TYPE_CHECKING say the same once more, and a test
says which are missing. Nothing at run time depends on them.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .beam_search import beam_score as beam_score
from .beam_search import every_hypothesis as every_hypothesis
from .beam_search_bound import beam_score_bound as beam_score_bound
from .beam_search_bound import beam_search_outcomes as beam_search_outcomes
from .feed_forward import feed_forward_as_convolutions as feed_forward_as_convolutions
from .positional_encoding import positional_encoding_at as positional_encoding_at
from .rounding.bound import Bound as Bound
from .rounding.numerics import Numerics as Numerics
from .rounding.numerics import precision_classes as precision_classes
from .spec_error import SpecError as SpecError
from .tokenize import vocabulary_size as vocabulary_size

if TYPE_CHECKING:
    from .adam import adam as adam
    from .adam_bound import adam_bound as adam_bound
    from .additive_attention import additive_attention as additive_attention
    from .additive_attention import additive_attention_bound as additive_attention_bound
    from .additive_attention import additive_attention_vjp as additive_attention_vjp
    from .additive_attention import additive_attention_vjp_bound as additive_attention_vjp_bound
    from .attention import attention as attention
    from .attention import attention_vjp as attention_vjp
    from .attention_bound import attention_bound as attention_bound
    from .attention_bound import attention_vjp_bound as attention_vjp_bound
    from .beam_search import beam_search as beam_search
    from .bilinear_attention import bilinear_attention as bilinear_attention
    from .bilinear_attention import bilinear_attention_bound as bilinear_attention_bound
    from .bilinear_attention import bilinear_attention_vjp as bilinear_attention_vjp
    from .bilinear_attention import bilinear_attention_vjp_bound as bilinear_attention_vjp_bound
    from .cross_entropy import cross_entropy as cross_entropy
    from .cross_entropy import cross_entropy_vjp as cross_entropy_vjp
    from .cross_entropy_bound import cross_entropy_bound as cross_entropy_bound
    from .cross_entropy_bound import cross_entropy_vjp_bound as cross_entropy_vjp_bound
    from .decoder import decoder as decoder
    from .decoder import decoder_bound as decoder_bound
    from .decoder import decoder_vjp as decoder_vjp
    from .decoder import decoder_vjp_bound as decoder_vjp_bound
    from .decoder_layer import decoder_layer as decoder_layer
    from .decoder_layer import decoder_layer_bound as decoder_layer_bound
    from .decoder_layer import decoder_layer_vjp as decoder_layer_vjp
    from .decoder_layer import decoder_layer_vjp_bound as decoder_layer_vjp_bound
    from .detokenize import detokenize as detokenize
    from .dropout import dropout as dropout
    from .dropout import dropout_bound as dropout_bound
    from .dropout import dropout_vjp as dropout_vjp
    from .dropout import dropout_vjp_bound as dropout_vjp_bound
    from .embedding import embedding as embedding
    from .embedding import embedding_bound as embedding_bound
    from .embedding import embedding_vjp as embedding_vjp
    from .embedding import embedding_vjp_bound as embedding_vjp_bound
    from .encoder import encoder as encoder
    from .encoder import encoder_bound as encoder_bound
    from .encoder import encoder_vjp as encoder_vjp
    from .encoder import encoder_vjp_bound as encoder_vjp_bound
    from .encoder_layer import encoder_layer as encoder_layer
    from .encoder_layer import encoder_layer_bound as encoder_layer_bound
    from .encoder_layer import encoder_layer_vjp as encoder_layer_vjp
    from .encoder_layer import encoder_layer_vjp_bound as encoder_layer_vjp_bound
    from .feed_forward import feed_forward as feed_forward
    from .feed_forward import feed_forward_bound as feed_forward_bound
    from .feed_forward import feed_forward_vjp as feed_forward_vjp
    from .feed_forward import feed_forward_vjp_bound as feed_forward_vjp_bound
    from .gated_feed_forward import gated_feed_forward as gated_feed_forward
    from .gated_feed_forward import gated_feed_forward_bound as gated_feed_forward_bound
    from .gated_feed_forward import gated_feed_forward_vjp as gated_feed_forward_vjp
    from .gated_feed_forward import gated_feed_forward_vjp_bound as gated_feed_forward_vjp_bound
    from .general_attention import general_attention as general_attention
    from .general_attention import general_attention_vjp as general_attention_vjp
    from .layer_norm import layer_norm as layer_norm
    from .layer_norm import layer_norm_vjp as layer_norm_vjp
    from .layer_norm_bound import layer_norm_bound as layer_norm_bound
    from .layer_norm_bound import layer_norm_vjp_bound as layer_norm_vjp_bound
    from .learn_merges import learn_merges as learn_merges
    from .learning_rate import learning_rate as learning_rate
    from .learning_rate import learning_rate_bound as learning_rate_bound
    from .log_softmax import log_softmax as log_softmax
    from .log_softmax import log_softmax_bound as log_softmax_bound
    from .log_softmax import log_softmax_vjp as log_softmax_vjp
    from .log_softmax import log_softmax_vjp_bound as log_softmax_vjp_bound
    from .multi_head_attention import multi_head_attention as multi_head_attention
    from .multi_head_attention import multi_head_attention_bound as multi_head_attention_bound
    from .multi_head_attention import multi_head_attention_vjp as multi_head_attention_vjp
    from .multi_head_attention import multi_head_attention_vjp_bound as multi_head_attention_vjp_bound
    from .output_logits import output_logits as output_logits
    from .output_logits import output_logits_bound as output_logits_bound
    from .output_logits import output_logits_vjp as output_logits_vjp
    from .output_logits import output_logits_vjp_bound as output_logits_vjp_bound
    from .positional_encoding import positional_encoding as positional_encoding
    from .positional_encoding import positional_encoding_bound as positional_encoding_bound
    from .rms_norm import rms_norm as rms_norm
    from .rms_norm import rms_norm_bound as rms_norm_bound
    from .rms_norm import rms_norm_vjp as rms_norm_vjp
    from .rms_norm import rms_norm_vjp_bound as rms_norm_vjp_bound
    from .softmax import softmax as softmax
    from .softmax import softmax_bound as softmax_bound
    from .softmax import softmax_vjp as softmax_vjp
    from .softmax import softmax_vjp_bound as softmax_vjp_bound
    from .tokenize import tokenize as tokenize


def _named_after_their_files() -> Iterator[tuple[str, Any]]:
    """Import every file of this folder, and yield each function whose name begins with the file's."""
    for file in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f".{file.name}", __name__)
        formula = file.name.removesuffix("_bound")
        for name in (formula, f"{formula}_vjp", f"{formula}_bound", f"{formula}_vjp_bound"):
            if inspect.isfunction(function := getattr(module, name, None)):
                yield name, function


# Only now, since an import of a file makes the file itself an attribute of the package.
globals().update(list(_named_after_their_files()))
