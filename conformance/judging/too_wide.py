"""Declared numerics under which an answer that takes no computing would pass: they are refused before anything runs."""

from collections.abc import Iterable
from dataclasses import replace

from ...adapters import AdapterError, Offer
from ..components import COMPONENTS
from ..diagnosis.cheap_passes import what_passes
from ..terms.held import taken
from ..terms.subject import completed
from .plan import Line


def check_declared(offer: Offer, lines: Iterable[Line]) -> None:
    """Refuse an adapter whose numerics let a cheap answer pass: `AdapterError`, one sentence."""
    for name, asked in dict.fromkeys((line.component, line.dtype) for line in lines if line.offered):
        component = COMPONENTS[name]
        for dtype in () if component.gives_data else [asked] if asked else offer.numerics:
            declared = taken(dtype, offer.numerics.get(dtype, {}), offer.precision_class)
            judged = component if name in offer.gradients else replace(component, gradient=None)
            if bought := what_passes(judged, dtype, declared, completed(offer.conventions)):
                fields, answer = bought
                raise AdapterError(
                    f"{offer.name}: numerics[{dtype!r}] is too wide in {' and '.join(fields)}: "
                    f"{answer} would pass as {name} in {dtype}"
                )
