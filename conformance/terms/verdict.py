"""What may come of a check beside an error ratio: exceptions that a clause or a trial raises."""


class Violation(Exception):
    """The implementation does not do what the clause requires: one sentence, and the error ratio."""

    def __init__(self, message: str, ratio: float = float("inf")) -> None:
        """The ratio is infinite where none can be given."""
        super().__init__(message)
        self.ratio = ratio


class Unsupported(Exception):
    """The implementation chose not to do this; never a pass."""


class NotOffered(Unsupported):
    """What the clause is about is not there at all, so that no other case need be tried."""


class Inapplicable(Exception):
    """The clause has nothing to say of this case."""
