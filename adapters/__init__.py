"""The accused: implementations of the Transformer's components, each behind the same few calls.

This is the side that the judge sees; importing it imports no framework. An implementation runs in a worker process
(`worker.py`), which never holds the oracle. How the two talk is in `message.py`, what they talk about in
`contract/`, and the built-in adapters are in `library/`.

Names are imported when they are asked for, so that the oracle can read the contract, which is data, with numpy alone.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .accepting import accepted as accepted
    from .accepting import declarations as declarations
    from .adapter import Adapter as Adapter
    from .calling import Call as Call
    from .calling import Reply as Reply
    from .declaration import AdapterError as AdapterError
    from .declaration import Offer as Offer
    from .in_process import open_object as open_object
    from .layouts import FAR as FAR
    from .listing import Listed as Listed
    from .listing import available as available
    from .memory import free as free
    from .memory import in_words as in_words
    from .memory import peak_of as peak_of
    from .opening import Opening as Opening
    from .opening import open_adapter as open_adapter
    from .script import Ran as Ran
    from .script import run_script as run_script
    from .standalone import NotStandaloneError as NotStandaloneError
    from .standalone import Standalone as Standalone
    from .standalone import without_assay as without_assay

_HOME: Final = {
    "accepted": "accepting",
    "declarations": "accepting",
    "Adapter": "adapter",
    "Call": "calling",
    "Reply": "calling",
    "AdapterError": "declaration",
    "FAR": "layouts",
    "Offer": "declaration",
    "Listed": "listing",
    "available": "listing",
    "Opening": "opening",
    "open_adapter": "opening",
    "open_object": "in_process",
    "NotStandaloneError": "standalone",
    "Ran": "script",
    "Standalone": "standalone",
    "free": "memory",
    "in_words": "memory",
    "peak_of": "memory",
    "run_script": "script",
    "without_assay": "standalone",
}


def __getattr__(name: str) -> Any:
    """Import the file that has the name."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
