"""One clause on one trial."""

from .clause import Clause
from .trial import Trial
from .verdict import DoesNotFit, Inapplicable, NotOffered, Outcome, Unsupported, Violation


def check(clause: Clause, trial: Trial) -> Outcome:
    """Check a clause on one trial; never raises for what the implementation does."""
    try:
        return Outcome("pass", clause.check(trial))
    except Inapplicable:
        return Outcome("inapplicable")
    except NotOffered as reason:
        return Outcome("not-offered", reason=str(reason))
    except DoesNotFit as reason:
        return Outcome("unfit", reason=str(reason))
    except Unsupported as reason:
        return Outcome("unsupported", reason=str(reason))
    except MemoryError:
        return Outcome("unfit", reason="the judge has no memory for a case of this size")
    except Violation as violation:
        return Outcome("fail", violation.ratio, str(violation), violation.how, violation.worst)
