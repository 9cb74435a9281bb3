"""Every component and every clause: importing this file makes them known, in the order of the documentation."""

from . import (  # noqa: F401
    universal,
    gradient_clauses,
    attention,
    attention_clauses,
    attention_mask_clauses,
    attention_gradient_clauses,
    softmax,
    log_softmax,
    additive_attention,
    bilinear_attention,
    multi_head_attention,
    multi_head_attention_clauses,
    feed_forward,
    layer_norm,
    layer_norm_clauses,
    encoder_layer,
    decoder_layer,
    positional_encoding,
    embedding,
    output_logits,
    encoder,
    decoder,
    cross_entropy,
    cross_entropy_clauses,
    cross_entropy_target_clauses,
    adam,
    adam_clauses,
    learning_rate,
    dropout,
    beam_search,
    beam_search_clauses,
    tokenize,
    tokenize_clauses,
    detokenize,
    learn_merges,
)
from .clause import CLAUSES as CLAUSES
from .clause import Clause as Clause
from .clause import clauses_of as clauses_of
from .component import COMPONENTS as COMPONENTS
