"""A soft cap that is wrong on one path of a kernel: for one query, for grouped heads, without a mask, in one tile."""

from collections.abc import Callable

import numpy as np

from ..arithmetic import Array
from ..catalogue import variant
from .right import Call, attend, per_head, scores, softmax
from .softcap import capped, capping


def _ignored(name: str, sentence: str, needs: str, *, seen_in: tuple[str, ...] = ()) -> Callable[..., None]:
    """Put an attention into the catalogue that ignores the cap in the calls of which a function says so."""

    def register(ignores: Callable[[Call], bool]) -> None:
        @variant(name, "attention", sentence, needs=f"a softcap, {needs}", seen_in=seen_in)
        @capping
        def function(call: Call, c: float) -> Array:
            return attend(call, score=scores(call) if ignores(call) else capped(call, c))

    return register


@_ignored("softcap-ignored-for-one-query", "The kernel for decoding, one query, ignores the softcap.", "L_q of 1")
def _for_one_query(call: Call) -> bool:
    return call.shape[2] == 1


@_ignored("softcap-ignored-in-groups", "Where heads share keys, the softcap is ignored.", "H_kv below H")
def _in_groups(call: Call) -> bool:
    return bool(call.key.shape[1] < call.shape[1])


@_ignored("softcap-ignored-without-mask", "Without a mask, the softcap is ignored.", "no mask, not causal")
def _without_mask(call: Call) -> bool:
    return call.mask is None and not call.causal


@_ignored("softcap-ignored-if-causal", "The path for a causal mask ignores the softcap.", "causal, no other mask")
def _if_causal(call: Call) -> bool:
    return call.mask is None and call.causal


@_ignored("softcap-ignored-in-one-tile", "Up to 16 keys, which are one tile, the softcap is ignored.", "L_k up to 16")
def _in_one_tile(call: Call) -> bool:
    return call.shape[3] <= 16


@variant(
    "softcap-of-padding",
    "attention",
    "Keys are padded to tiles of 32 with minus infinity before the cap, which makes -c of it: each has some weight.",
    needs="a small softcap, no mask, L_k that 32 does not divide",
    seen_in=("ggml-org/llama.cpp#29034",),
)
@capping
def softcap_of_padding(call: Call, c: float) -> Array:
    if call.mask is not None or call.causal:
        return attend(call, score=capped(call, c))
    missing = -call.shape[3] % 32
    score = np.concatenate([capped(call, c), np.full((*call.shape[:3], missing), -c)], -1)
    p = softmax(score, np.ones(score.shape, np.bool))
    return np.asarray(p[..., : call.shape[3]] @ per_head(call.value, call.shape[1]))
