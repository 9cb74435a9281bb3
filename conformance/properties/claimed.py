"""What a set of study notes claims, as `claims` measures it."""

from typing import Final

from ..claims import claims, figure
from .kinds import Shown, Table, Topic, found


def _measure(seed: int) -> Shown:
    """Measure every claim; their figures are those of docs/claims.md, whatever the seed."""
    sentences, rows = [], []
    for claim in claims.values():
        sentences.append(f'{claim.number}: {claim.verdict}. "{claim.claimed}" {claim.holds}')
        rows += [[claim.number, each.name, figure(each.measure())] for each in claim.measurements]
    return found(sentences, [Table("measured", ("claim", "what", "figure"), rows)])


TOPIC: Final = Topic("claims", "What study notes claim, and whether it holds", "docs/claims.md", _measure)
