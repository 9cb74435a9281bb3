"""What a run measured on the way: how close errors come to their bounds, by size and by kind of values.

Of every case of values that is compared with a bound, at small sizes and at those of models, there is one error ratio,
that of its worst element. A report keeps of these, for each line, the number of cases with their median and largest
ratio by size, and, of small sizes, their quartiles by regime: a thousand bytes or two for a component in a dtype,
however many cases there are. Sizes are gathered between powers of two, so that 128 and 129 are apart.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..terms.component import Component
from ..terms.trial import Trial
from ..terms.verdict import Outcome

LEAST: Final = 1e-4
"""The error ratio below which nobody cares by how much it is below."""


@dataclass
class Measured:
    """The error ratios of one line, one a case."""

    component: Component
    at_size: bool
    """Whether it is of a clause about sizes of models, of which the regimes are a few."""
    _by_size: dict[str, dict[int, list[float]]] = field(default_factory=dict)
    _by_regime: dict[str, list[float]] = field(default_factory=dict)

    def take(self, trial: Trial, outcome: Outcome) -> None:
        """Take in a case, if it was compared with a bound, and a number says how far off it is."""
        if not (outcome.passed or outcome.failed) or not outcome.ratio < float("inf") or not trial.power.counts.any():
            return
        for name in self.component.against:
            if size := trial.case[name]:
                self._by_size.setdefault(name, {}).setdefault(up_to(size), []).append(outcome.ratio)
        if not self.at_size and (regime := trial.case.get("regime")):
            self._by_regime.setdefault(regime, []).append(outcome.ratio)

    def as_json(self) -> dict[str, Any] | None:
        """Give `[cases, median, largest]` by size, `[cases, three quartiles, largest]` by regime; None of no case."""
        sizes = {
            name: {str(size): [len(each), *_short(_two(each))] for size, each in sorted(of.items())}
            for name, of in self._by_size.items()
        }
        regimes = {name: [len(ratios), *_short(_four(ratios))] for name, ratios in self._by_regime.items()}
        return {"sizes": sizes, "regimes": regimes} if sizes or regimes else None


def up_to(size: int) -> int:
    """Give the power of two up to which a size is gathered: 128 of 65 to 128."""
    return 1 << (size - 1).bit_length()


def _two(ratios: Sequence[float]) -> tuple[float, float]:
    """Give the median and the largest."""
    return statistics.median(ratios), max(ratios)


def _four(ratios: Sequence[float]) -> tuple[float, ...]:
    """Give the quartiles and the largest."""
    quartiles = statistics.quantiles(ratios, method="inclusive") if len(ratios) > 1 else [ratios[0]] * 3
    return *quartiles, max(ratios)


def _short(ratios: Sequence[float]) -> list[float]:
    """Round to what a picture shows; what is closer to 0 than `LEAST` counts as 0."""
    return [float(f"{ratio:.3g}") if ratio >= LEAST else 0.0 for ratio in ratios]
