"""Adam over many steps: counters that stop."""

from ..catalogue import WIDE, WIDEST, variant
from .right import State, advance, descend, optimiser, ratio


def _counting_to(limit: int, sentence: str, dtypes: tuple[str, ...], seen_in: tuple[str, ...] = ()) -> None:
    """Put an optimiser into the catalogue whose counter of steps stops at the limit.

    `dtypes`: those in which the bound of a long trajectory is smaller than what the counter does.
    """

    def step(s: State) -> None:
        advance(s)
        s.t = min(s.t, limit)
        descend(s, ratio(s))

    name = f"adam-counter-stops-at-{limit}"
    variant(name, "adam", sentence, needs=f"more than {limit} steps", seen_in=seen_in, dtypes=dtypes)(optimiser(step))


_counting_to(40, "The counter of steps stops at 40.", ("float64", "float32", "float16"))
_counting_to(256, "The counter of steps is a bfloat16 number, and stops at 256.", WIDE, seen_in=("pytorch/ao#4915",))
_counting_to(2048, "The counter of steps is a float16 number, and stops at 2,048.", WIDEST)
