"""The clause of beam search about a vocabulary of thousands, where tokens have more digits than small formats hold."""

from typing import Final

import numpy as np

from ...terms.clause import clause
from ...terms.component import Inputs
from ...terms.rounding import rounded
from ...terms.trial import Trial
from .hypotheses import require_all

_VOCABULARY: Final = 2053
"""Beyond 2,048, where float16 skips tokens, and a multiple of no tile. The table has its square of entries."""

_PROBABLE: Final = 8
"""How many tokens may follow another at each end of the vocabulary; those between never do."""


@clause(
    "BEAM-16",
    "beam_search",
    "In a vocabulary of thousands the last tokens are chosen like the first.",
    formula="the result for V = 2,053, of whose tokens the last are the most probable",
    source="Wu et al. 2016, section 7, equation 14",
    cases=lambda component, dtype, seed: [component.plainest(dtype, seed)],
)
def last_tokens(trial: Trial) -> float:
    """Let the last tokens follow each other, one of them the end; the first are far less probable."""
    chances = trial.generator("table").random((_VOCABULARY, 2 * _PROBABLE))
    table = np.full((_VOCABULARY, _VOCABULARY), -np.inf)
    table[:, :_PROBABLE] = -64 - 8 * chances[:, :_PROBABLE]
    table[:, -_PROBABLE:] = -12 * chances[:, _PROBABLE:]
    options = {"beam_size": 4, "max_length": 4, "start": 0, "end": _VOCABULARY - 3, "length_penalty": 0.6}
    return require_all(trial, Inputs({"log_probabilities": rounded(table, trial.case["dtype"])}, options))
