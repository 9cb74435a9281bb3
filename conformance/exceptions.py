"""Every exception, by the step of a run that raises it; and what becomes of each.

A mistake of the user is a `UserError`: one sentence, which says what was wrong and what would be right. The command
`assay` prints it and exits with status 2, pytest calls it a usage error, `assay.conformance.judge` raises it.

1. The command line, an allow file or a report is read: `UsageError`, `AllowError`.
2. An adapter is found, checked and started: `AdapterError`.
3. The plan is made, and cases are drawn: nothing. A line that names a case by hand, for `assay replay`: `CaseError`.
4. The implementation is called: nothing. Whatever it does is a `Reply`; the file of pipes raises `Failure`,
   `MessageError`, `TensorsError` and `EndOfMessages`, which the adapter's client turns into one.
5. The oracle computes: `SpecError`, where the formula says nothing of the arguments. `assay replay` makes a `CaseError`
   of it; the cases that we draw have none, so in a run it is a mistake of the judge's.
6. A clause compares: `Violation`, `Unsupported`, `NotOffered`, `DoesNotFit` or `Inapplicable`. They are outcomes, not
   mistakes: `judge_clause` makes a `Result` of them, and no user meets one.
7. A script is written that shows a case without assay: `NoScriptError`, of which `NotStandaloneError` is a reason.
8. An item of pytest fails: `ClauseViolated`, with the five facts as its text.

Anything else that is raised is a mistake of the judge's: the command shows it and exits with status 70. The other
statuses are verdicts (0 conforms, 1 violates, 3 nothing could be checked), or 130 for a run that was interrupted
before it had any result.
"""

from ..adapters import NotStandaloneError as NotStandaloneError
from ..adapters.declaration import AdapterError as AdapterError
from ..adapters.declaration import UserError as UserError
from ..oracle.spec_error import SpecError as SpecError
from .interface.allowed import AllowError as AllowError
from .interface.options import UsageError as UsageError
from .interface.plugin import ClauseViolated as ClauseViolated
from .interface.scripting import NoScriptError as NoScriptError
from .terms.case import CaseError as CaseError
from .terms.verdict import DoesNotFit as DoesNotFit
from .terms.verdict import Inapplicable as Inapplicable
from .terms.verdict import NotOffered as NotOffered
from .terms.verdict import Unsupported as Unsupported
from .terms.verdict import Violation as Violation
