"""What a set of study notes claims about the paper, and whether it holds: each claim with its verdict and its figures.

    from assay.conformance.claims import claims
    claims["N6"].verdict, claims["N6"].measurements

`python -m assay.conformance.claims` prints the table of docs/claims.md.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from . import attention as claims_attention
from . import feed_forward as claims_feed_forward
from . import positions as claims_positions
from .kinds import Claim

claims: Final[Mapping[str, Claim]] = {
    claim.number: claim for part in (claims_attention, claims_feed_forward, claims_positions) for claim in part.CLAIMS
}


def table() -> Iterator[str]:
    """Measure everything anew, and write a line for each measurement."""
    yield "| claim | measured | figure |"
    yield "|---|---|---|"
    for claim in claims.values():
        for measurement in claim.measurements:
            yield f"| {claim.number} | {measurement.name} | {figure(measurement.measure())} |"


def figure(value: float) -> str:
    """Write three digits, or a whole number whole."""
    return str(int(value)) if value == int(value) else f"{value:.3g}"
