"""Beam search over torch.topk. Torch has none of its own: this is the recipe that libraries on top of it follow.

Sums are kept in the format of the table. Each step takes the 2 beam_size best continuations, so that beam_size of them
are unfinished; those that end count only among the first beam_size (transformers' BeamSearchScorer, fairseq).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

framework = "torch"
package = "torch"
extra = "torch"
dtypes = ("float64", "float32", "bfloat16", "float16")


def beam_search(
    log_probabilities: "Tensor",
    *,
    beam_size: int,
    max_length: int,
    start: int,
    end: int,
    length_penalty: float = 0.6,
) -> list[tuple[list[int], float]]:
    """Search with a score whose divisor, (5 + length)/6 to the power of alpha, is a Python float."""
    import torch

    vocabulary = log_probabilities.shape[0]
    beam, sums = [[start]], log_probabilities.new_zeros(1)
    finished = [] if max_length else [([start], 0.0)]
    for length in range(1, max_length + 1):
        last = torch.tensor([tokens[-1] for tokens in beam], device=sums.device)
        flat = (sums[:, None] + log_probabilities[last]).flatten()
        values, places = torch.topk(flat, min(2 * beam_size, flat.numel()))
        going: list[tuple[int, list[int]]] = []
        for rank, (value, place) in enumerate(zip(values.tolist(), places.tolist(), strict=True)):
            if value == float("-inf") or len(going) == beam_size:
                break
            tokens = [*beam[place // vocabulary], place % vocabulary]
            if tokens[-1] != end:
                going.append((rank, tokens))
            elif rank < beam_size:
                finished.append((tokens, value / ((5 + length) / 6) ** length_penalty))
        beam, sums = [tokens for _, tokens in going], values[[rank for rank, _ in going]]
        if not beam:
            break
    if beam and max_length:
        divisor = ((5 + max_length) / 6) ** length_penalty
        finished += [(tokens, value / divisor) for tokens, value in zip(beam, sums.tolist(), strict=True)]
    return sorted(finished, key=lambda each: -each[1])[:beam_size]
