"""Numerical properties of a Transformer's parts to look at: measured, told in sentences, and drawn.

    from assay.conformance.properties import topic
    topic("rounding").shown(seed=0).sentences

Every number is computed when it is asked for, by the oracle or by numpy in a stated number format. `own.py` measures an
implementation of the user's in the same way.
"""

import importlib
from collections.abc import Mapping
from typing import Final

from .kinds import Topic

TOPICS: Final[Mapping[str, tuple[str, str]]] = {
    "softmax": ("saturation", "TOPIC"),
    "positions": ("positions", "TOPIC"),
    "rounding": ("rounding", "TOPIC"),
    "bound": ("worth", "TOPIC"),
    "adam": ("training", "ADAM"),
    "learning-rate": ("training", "LEARNING_RATE"),
    "claims": ("claimed", "TOPIC"),
}
"""Name of a topic -> where it is. Some import all variants, and so none is imported before it is asked for."""


def topic(name: str) -> Topic:
    """Give the topic of that name."""
    module, attribute = TOPICS[name]
    found: Topic = getattr(importlib.import_module(f".{module}", __name__), attribute)
    return found
