"""What was asked of an implementation and what it answered, written down, so that the same can be put to another."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...adapters import Adapter, Call, Offer, Reply
from ...adapters.contract import CONVENTIONS
from ..terms.case import Case
from ..terms.checking import check
from ..terms.clause import Clause
from ..terms.component import Component
from ..terms.subject import Subject
from ..terms.trial import Trial


@dataclass(frozen=True)
class Exchange:
    """What was asked, one call after another, and what was answered."""

    calls: tuple[Call, ...]
    replies: tuple[Reply, ...]


class Recorder(Adapter):
    """An implementation whose answers are written down; under another's offer, it is judged by what that declares."""

    def __init__(self, adapter: Adapter, offer: Offer | None = None) -> None:
        """Begin with nothing written down."""
        self._adapter, self.offer = adapter, offer or adapter.offer
        self.exchanges: list[Exchange] = []

    def sequence(self, calls: Sequence[Call]) -> list[Reply]:
        """Call, and write it down."""
        replies = self._adapter.sequence(calls)
        self.exchanges.append(Exchange(tuple(calls), tuple(replies)))
        return replies

    @property
    def backward(self) -> bool:
        """Whether gradients were asked for."""
        return any(bool(call.cotangents) for exchange in self.exchanges for call in exchange.calls)

    @property
    def in_question(self) -> list[Exchange]:
        """What is compared with others: gradients alone, where these were asked for; the values may have a bug more."""
        gradients = [each for each in self.exchanges if any(call.cotangents for call in each.calls)]
        return gradients or self.exchanges

    def close(self) -> None:
        """Leave the adapter open: whoever opened it ends it."""


def goes_backward(adapter: Adapter, clause: Clause, component: Component, case: Case) -> bool:
    """Say whether the clause asks for gradients of the case."""
    recorder = Recorder(adapter)
    check(clause, Trial(Subject(recorder), component, case))
    return recorder.backward


class Answers(Adapter):
    """An implementation that is asked for each thing once, whatever it is said to declare."""

    def __init__(self, adapter: Adapter) -> None:
        """Begin with nothing asked."""
        self._adapter, self.offer = adapter, adapter.offer
        self._known: dict[bytes, list[Reply]] = {}

    def declaring(self, declared: Mapping[str, Any]) -> "Answers":
        """Give the same implementation, as if it declared this, too: conventions, and numerics in every dtype."""
        conventions = {name: value for name, value in declared.items() if name in CONVENTIONS}
        fields = {name: value for name, value in declared.items() if name not in CONVENTIONS}
        numerics = {dtype: {**self.offer.numerics.get(dtype, {}), **fields} for dtype in self.offer.dtypes}
        return self.under(replace(self.offer, conventions={**self.offer.conventions, **conventions}, numerics=numerics))

    def under(self, offer: Offer) -> "Answers":
        """Give the same implementation under another offer."""
        other = Answers(self._adapter)
        other.offer, other._known = offer, self._known
        return other

    def sequence(self, calls: Sequence[Call]) -> list[Reply]:
        """Call, or give what came of it the last time."""
        asked = pickle.dumps(list(calls))
        if asked not in self._known:
            self._known[asked] = self._adapter.sequence(calls)
        return self._known[asked]

    def close(self) -> None:
        """Leave the adapter open: whoever opened it ends it."""
