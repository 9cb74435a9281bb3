"""Every component and every clause: importing this file makes them known, in the order of the documentation."""

from . import (  # noqa: F401
    universal,
    attention,
    attention_clauses,
    softmax,
)
from .clause import CLAUSES as CLAUSES
from .clause import Clause as Clause
from .clause import clauses_of as clauses_of
from .component import COMPONENTS as COMPONENTS
