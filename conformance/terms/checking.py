"""One clause on one trial."""

from .clause import Clause
from .trial import Trial
from .verdict import Inapplicable, Unsupported, Violation


def outcome(clause: Clause, trial: Trial) -> tuple[str, Violation | None]:
    """Of a trial of any subject."""
    try:
        clause.check(trial)
    except Inapplicable:
        return "does not apply", None
    except Unsupported as reason:
        return f"unsupported: {reason}", None
    except Violation as violation:
        return "fail", violation
    return "pass", None
