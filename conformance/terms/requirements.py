"""What a clause requires of a trial in one line: that it applies at all, that an error ratio is at most 1."""

from collections.abc import Iterator
from contextlib import contextmanager

from .comparison import Worst
from .verdict import Inapplicable, Violation


def skip_unless(condition: object) -> None:
    """Leave the case aside unless the condition holds."""
    if not condition:
        raise Inapplicable


def require_within(worst: Worst, claim: str) -> float:
    """Return the error ratio, or raise a `Violation` of the claim where it is above 1."""
    if worst.ratio > 1:
        raise Violation(f"{claim}: {worst.sentence}", worst.ratio, worst.how, worst)
    return worst.ratio


@contextmanager
def told_with(words: str) -> Iterator[None]:
    """Begin the sentence of a `Violation` with words that say on what it was found."""
    try:
        yield
    except Violation as violation:
        raise Violation(f"{words}{violation}", violation.ratio, violation.how, violation.worst) from None


def of_gradient(name: str) -> str:
    """Say what the gradient of an argument is called in a sentence."""
    return f"gradient of {name}"
