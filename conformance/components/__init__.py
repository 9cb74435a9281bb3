"""Every component, and every clause, in the order of the contract.

A component has a file of its name here, or a folder of its name where it has several; each file is found by itself.
What holds for every component is in `every/`.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Final

from ...adapters.contract import FUNCTIONS
from ..terms import clause as _clause
from ..terms import component as _component
from ..terms.case import Case, CaseError, split_id
from ..terms.clause import Clause as Clause
from ..terms.component import Component

for _found in pkgutil.walk_packages(__path__, f"{__name__}."):
    importlib.import_module(_found.name)

COMPONENTS: Final[Mapping[str, Component]] = {name: _component.REGISTERED[name] for name in FUNCTIONS}
"""Every component that can be judged, in the order of the contract."""

CLAUSES: Final[Mapping[str, Clause]] = _clause.in_order(list(COMPONENTS))
"""Every clause by id: those for all components first, then each component's own, by their numbers."""


def clauses_of(component: Component) -> list[Clause]:
    """Give the clauses that concern a component: the ones for all, then its own."""
    whose = (component.name,) if component.gives_data else (None, component.name)
    return [each for each in CLAUSES.values() if each.component in whose and each.concerns(component)]


def parse_case(line: str) -> Case:
    """Read the case of a line; `CaseError`, one sentence, if it is none."""
    name, texts = split_id(line)
    if name not in COMPONENTS:
        raise CaseError(f"there is no component {name!r:.200}; the components are {', '.join(COMPONENTS)}")
    return COMPONENTS[name].parse(texts)
