"""Numerical properties of a Transformer's parts to look at: measured, told in sentences, and drawn.

    from assay.conformance.properties import TOPICS
    TOPICS["rounding"].shown(seed=0).sentences

Every number is computed when it is asked for, by the oracle or by numpy in a stated number format. `own.py` measures an
implementation of the user's in the same way.
"""

from collections.abc import Mapping
from typing import Final

from . import claimed, positions, rounding, saturation, training, worth
from .kinds import Topic

TOPICS: Final[Mapping[str, Topic]] = {
    topic.name: topic
    for topic in (
        saturation.TOPIC,
        positions.TOPIC,
        rounding.TOPIC,
        worth.TOPIC,
        training.ADAM,
        training.LEARNING_RATE,
        claimed.TOPIC,
    )
}
