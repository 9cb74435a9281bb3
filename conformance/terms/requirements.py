"""What a clause requires of a trial in one line: that it applies at all, that an error ratio is at most 1."""

from .comparison import Worst
from .verdict import Inapplicable, Violation


def skip_unless(condition: object) -> None:
    """Leave the case aside unless the condition holds."""
    if not condition:
        raise Inapplicable


def require_within(worst: Worst, claim: str) -> float:
    """Return the error ratio, or raise a `Violation` of the claim where it is above 1."""
    if worst.ratio > 1:
        raise Violation(f"{claim}: {worst.sentence}", worst.ratio)
    return worst.ratio


def of_gradient(name: str) -> str:
    """Say what the gradient of an argument is called in a sentence."""
    return f"gradient of {name}"
