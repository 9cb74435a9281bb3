"""The judgement: `assay.conformance.judge(adapter)` gives a report. Names are imported when they are asked for."""

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .exceptions import UserError as UserError
    from .interface.judge import judge as judge
    from .interface.own_tests import tests as tests
    from .interface.report import Report as Report
    from .judging.result import Failure as Failure
    from .judging.result import Result as Result

_HOME: Final = {
    "Failure": "judging.result",
    "Report": "interface.report",
    "Result": "judging.result",
    "UserError": "exceptions",
    "judge": "interface.judge",
    "tests": "interface.own_tests",
}


def __getattr__(name: str) -> Any:
    """Import the file that has the name."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
