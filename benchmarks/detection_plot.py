"""The plot of docs/detection.md: for each criterion, wrong implementations caught and right ones failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    def __str__(self) -> str:
        """`97 % (121 of 125)`; a dash where there is nothing to count."""
        return f"{100 * self.part / self.whole:.0f} % ({self.part} of {self.whole})" if self.whole else "-"

    @property
    def short(self) -> str:
        """The percentage alone."""
        return f"{100 * self.part / self.whole:.0f} %" if self.whole else "-"

    @property
    def percent(self) -> float:
        """As a number; 0 where there is nothing to count."""
        return 100 * self.part / max(self.whole, 1)


def plot(shares: Mapping[str, tuple[Share, Share]], path: Path) -> None:
    """Draw two bars for each criterion."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams |= {"svg.hashsalt": "assay", "font.size": 9, "svg.fonttype": "none"}
    caught, failed = ([each[k].percent for each in shares.values()] for k in (0, 1))
    figure, axes = plt.subplots(figsize=(7.5, 5.2), facecolor="white")
    places = range(len(shares))
    axes.barh([place - 0.2 for place in places], caught, 0.38, color="#2a6f97", label="wrong implementations caught")
    axes.barh([place + 0.2 for place in places], failed, 0.38, color="#d1495b", label="right implementations failed")
    for place, (one, other) in enumerate(zip(caught, failed, strict=True)):
        axes.text(one + 0.8, place - 0.2, f"{one:.0f} %", va="center", fontsize=7.5)
        axes.text(other + 0.8, place + 0.2, f"{other:.0f} %", va="center", fontsize=7.5, color="#8f2f3c")
    axes.set_yticks(list(places), list(shares))
    axes.invert_yaxis()
    axes.set_xlim(0, 108)
    axes.set_xlabel("per cent of the implementations in the criterion's domain, on its own inputs")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="upper center", ncols=2, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.94))
    figure.savefig(path, metadata={"Date": None, "Creator": None})
