"""Implementations whose verdict is known beforehand: the test of the suite itself.

A wrong variant holds one bug, most of them seen in a real library; the suite must catch it, and when an implementation
fails, its output is compared with theirs to name the bug. A right variant computes the formula in an order or a form of
its own; the suite must let it pass. Each is an adapter: `assay run assay.conformance.variants:causal_off_by_one`.

A component of one file has its variants in a file of its name, a component of several in a folder. Every file here is
found by itself. None may import the oracle: a catalogue that shares code with the judge would share its mistakes.
"""

import importlib
import pkgutil
from types import SimpleNamespace

from .catalogue import Variant as Variant
from .catalogue import find as find
from .catalogue import variant as variant
from .catalogue import variants as variants

for _found in pkgutil.walk_packages(__path__, f"{__name__}."):
    importlib.import_module(_found.name)  # puts its variants into the catalogue


def __getattr__(name: str) -> SimpleNamespace:
    """Give the adapter of a variant, by its name with underscores."""
    try:
        return find(name.replace("_", "-")).adapter()
    except LookupError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    """Give the names of the adapters as well, for who mistypes one."""
    return [*globals(), *(each.name.replace("-", "_") for each in variants())]
