"""Calls of one implementation with the arguments of one case, and what a reply must be to be judged at all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from ...adapters import Call, Offer, Reply
from ...adapters.contract import DTYPES
from .case import Case
from .component import REGISTERED, Component, Inputs
from .cotangents import cotangent
from .generator import Generator
from .requirements import told_with
from .rounding import Array, rounded
from .subject import Subject
from .verdict import How, NotOffered, Unsupported, Violation

# What each argument takes in turn under the layout `mixed`.
_MIXED: Final = ("transposed", "sliced", "swapped", "strided")

_HOW: Final[Mapping[str, How]] = {
    "error": "exception",
    "malformed": "exception",
    "died": "crash",
    "timeout": "timeout",
}
"""How a call has failed, by the status of its reply."""


class Calls:
    """One case, its arrays, and calls of the implementation with them."""

    def __init__(self, subject: Subject, component: Component, case: Case) -> None:
        """Compute nothing before it is asked for."""
        self.subject, self.component, self.case = subject, component, case
        self.alone: str = ""
        """The one argument that lies in memory as the case has it; the others are contiguous. Empty: none is."""
        self.dtype: str = self._asked_in
        """The format of the arguments; where there are none, that of the first result, and empty before it."""

    @cached_property
    def inputs(self) -> Inputs:
        """The arguments of the case: those that another clause has made, where they are kept."""
        kept = self.subject.recent.inputs(self.component, self.case) if self.subject else None
        return kept or self.component.make(self.case)

    @property
    def offer(self) -> Offer:
        """What the implementation declares."""
        return self.subject.adapter.offer

    def generator(self, *purpose: object) -> Generator:
        """Return the random numbers that a clause needs for a purpose; no argument of the case shares them."""
        return Generator(self.case.component, self.case["seed"], "clause", *purpose)

    # Values

    def ask(self, inputs: Inputs | None = None, layout: str | None = None) -> Reply:
        """Call the implementation and return whatever comes of it."""
        reply = self.subject.adapter.sequence([self._call(inputs or self.inputs, layout)])[0]
        self.subject.note_reply(reply)
        if inputs is None and layout is None:
            before = self.subject.recent.note(self.case, answered=reply.status == "ok")
            self.subject.withdrawn += before and reply.status == "unsupported"
        return reply

    def reply(self, inputs: Inputs | None = None, layout: str | None = None) -> Reply:
        """Call the implementation; `Unsupported` if it refuses, `Violation` if it fails."""
        return self.answered(self.ask(inputs, layout))

    def recent_reply(self) -> Reply:
        """Give the reply to the case itself, which another clause may have asked for a moment ago."""
        return self.answered(self._recent(self.reply, gradients=False))

    def _recent(self, ask: Callable[[], Reply], *, gradients: bool) -> Reply:
        asked = self.component, self._asked_in, self.case
        return self.subject.recent.get(*asked, gradients=gradients, ask=ask, inputs=lambda: self.inputs)

    def results(self, inputs: Inputs | None = None, layout: str | None = None) -> dict[str, Array]:
        """Return every result in float64, of the right shape; `Violation` if one has another."""
        return self.results_of(self.reply(inputs, layout), inputs or self.inputs)

    def call(self, inputs: Inputs | None = None, layout: str | None = None) -> Array:
        """Return the first result, likewise."""
        return self.results(inputs, layout)["result"]

    def data(self, inputs: Inputs | None = None) -> Any:
        """Return the result of a component that gives lists, texts or numbers."""
        return data_of(self.reply(inputs), self.component.name)

    def other(self, function: str, inputs: Inputs) -> Any:
        """Call another function of the implementation, and return its array or data."""
        if function not in self.offer.functions:
            raise NotOffered(f"{function} is not offered")
        reply = self.subject.adapter.sequence([self._call(inputs, "contiguous", function)])[0]
        with told_with(f"{function}: "):
            return self._result(self.answered(reply), inputs, function)

    def sequence(self, several: Sequence[Inputs | tuple[str, Inputs]], layout: str | None = None) -> list[Array]:
        """Call one after another, on the same arrays where their shapes agree; a pair names another function."""
        pairs = [(self.component.name, each) if isinstance(each, Inputs) else each for each in several]
        calls = [self._call(inputs, layout, function) for function, inputs in pairs]
        replies = self.subject.adapter.sequence(calls)
        return [
            self._result(self.answered(reply), inputs, function)
            for reply, (function, inputs) in zip(replies, pairs, strict=True)
        ]

    def in_turn(self, several: Sequence[Inputs], *, gradients: bool = False, held: bool = False) -> list[Reply]:
        """Call one after another, on the same arrays where their shapes agree, and return the replies.

        Where it is `held`, what the first call returns is looked at again after the last, and that a moment later.
        """
        calls = [self._call(inputs, None) for inputs in several]
        if gradients:
            if self.component.name not in self.offer.gradients:
                raise NotOffered(f"no gradient of {self.component.name} is offered")
            calls = [replace(call, cotangents=self.along()) for call in calls]
        if held:
            calls = [replace(calls[0], results="keep"), *calls[1:-1], replace(calls[-1], results="look")]
        return [self.answered(reply) for reply in self.subject.adapter.sequence(calls)]

    def last_results(self, several: Sequence[Inputs]) -> dict[str, Array]:
        """Call one after another, likewise, and return every result of the last call."""
        pairs = zip(self.in_turn(several), several, strict=True)
        return [self.results_of(reply, inputs) for reply, inputs in pairs][-1]

    def _call(self, inputs: Inputs, layout: str | None, function: str = "") -> Call:
        component = self._component(function)
        dtype = self._asked_in if component.has_dtype else ""
        return Call(component.name, inputs.arrays, inputs.options, dtype, self.layouts(inputs, layout))

    def _component(self, function: str) -> Component:
        return self.component if function in ("", self.component.name) else REGISTERED[function]

    @property
    def _asked_in(self) -> str:
        """The dtype of the arguments; empty where there are none."""
        return self.case["dtype"] if self.component.has_dtype else ""

    # Gradients

    @cached_property
    def cotangents(self) -> dict[str, Array]:
        """What the gradients are taken along, for each result: random, so that no element stands for another."""
        kind = self.case.get("cotangent", "normal")
        return {
            name: rounded(cotangent(kind, self.generator(*self._stream(name)), shape), self.dtype)
            for name, shape in self.component.shapes(self.inputs).items()
        }

    @staticmethod
    def _stream(result: str) -> tuple[str, ...]:
        return ("cotangent",) if result == "result" else ("cotangent", result)

    @property
    def cotangent(self) -> Array:
        """That of the first result."""
        return self.cotangents["result"]

    def along(self, cotangent: Array | Mapping[str, Array] | None = None) -> Mapping[str, Array]:
        """Complete a cotangent: an array is that of the first result, and the others are zeros."""
        if cotangent is None:
            return self.cotangents
        if isinstance(cotangent, Mapping):
            return cotangent
        return {name: cotangent if name == "result" else 0 * each for name, each in self.cotangents.items()}

    def gradient_reply(
        self,
        inputs: Inputs | None = None,
        cotangent: Array | Mapping[str, Array] | None = None,
        layout: str | None = None,
        of_cotangent: str = "contiguous",
        wrt: Sequence[str] | None = None,
    ) -> Reply:
        """Ask for the gradients of `sum(result * cotangent)`, over all results; `Unsupported` where there are none."""
        return self.answered(self.ask_gradients(inputs, cotangent, layout, of_cotangent, wrt))

    def ask_gradients(
        self,
        inputs: Inputs | None = None,
        cotangent: Array | Mapping[str, Array] | None = None,
        layout: str | None = None,
        of_cotangent: str = "contiguous",
        wrt: Sequence[str] | None = None,
    ) -> Reply:
        """Ask for them likewise, and return whatever comes of it."""
        name, given = self.component.name, inputs or self.inputs
        if name not in self.offer.gradients:
            raise NotOffered(f"no gradient of {name} is offered")
        layouts = self.layouts(given, layout)
        if of_cotangent in self.offer.layouts:
            layouts |= dict.fromkeys(self.component.row.cotangents.values(), of_cotangent)
        call = Call(name, given.arrays, given.options, self.dtype, layouts, self.along(cotangent), wrt)
        return self.subject.adapter.sequence([call])[0]

    def recent_gradients(self) -> Reply:
        """Give the reply with the gradients of the case itself, which another clause may have asked for."""
        return self.answered(self._recent(self.gradient_reply, gradients=True))

    def gradients(
        self, inputs: Inputs | None = None, cotangent: Array | Mapping[str, Array] | None = None, **how: Any
    ) -> dict[str, Array]:
        """Return the gradient of each real argument; `Violation` where one has not the shape of its argument."""
        return self.gradients_of(self.gradient_reply(inputs, cotangent, **how), inputs)

    # What a reply must be

    def answered(self, reply: Reply) -> Reply:
        """Return the reply, if it is one; raise `Unsupported` or `Violation` if it is not."""
        self.subject.note_reply(reply)
        if reply.status == "unsupported":
            # Only clauses that are about such an option ask for it, in each of their cases: one refusal is enough.
            raise (NotOffered if reply.lacks in self.component.optional else Unsupported)(reply.message)
        if reply.status != "ok":
            verb = {"error": "it raised ", "died": "the process ended: "}.get(reply.status, "")
            last = f" ({reply.detail.splitlines()[-1].strip()})" if reply.status == "died" and reply.detail else ""
            raise Violation(f"{verb}{reply.message}{last}", how=_HOW[reply.status])
        if not self.dtype and reply.value is not None:
            if reply.dtype not in DTYPES:
                raise Violation(f"the result is {reply.dtype}, which is no floating-point format")
            self.dtype = str(reply.dtype)
        return reply

    def results_of(self, reply: Reply, inputs: Inputs) -> dict[str, Array]:
        """Return the results in a reply; `Violation` if they have not the names and the shapes that are due."""
        return arrays_of(reply, self.component, inputs)

    def _result(self, reply: Reply, inputs: Inputs, function: str) -> Any:
        component = self._component(function)
        return data_of(reply, function) if component.gives_data else arrays_of(reply, component, inputs)["result"]

    def gradients_of(self, reply: Reply, inputs: Inputs | None = None) -> dict[str, Array]:
        """Return the gradients in a reply, each of a real argument and of its shape."""
        arrays = (inputs or self.inputs).arrays
        for name, gradient in reply.gradients.items():
            if name not in arrays or arrays[name].dtype.kind != "f":
                raise Violation(f"there is a gradient of {name!r}, which is no real argument")
            if gradient.shape != arrays[name].shape:
                due = f"but should have {arrays[name].shape}"
                raise Violation(f"the gradient of {name} has the shape {gradient.shape}, {due}", how="shape")
        if not reply.gradients:
            raise Violation(f"{self.component.name} returned no gradient")
        return dict(reply.gradients)

    # How arguments lie in memory

    def layouts(self, inputs: Inputs, layout: str | None = None) -> dict[str, str]:
        """Say how each argument is to lie in memory: as the case has it, or as given, where that is offered."""
        asked = layout or self.case.get("layout", "contiguous")
        names = sorted(inputs.arrays)
        each = {name: _MIXED[k % len(_MIXED)] if asked == "mixed" else asked for k, name in enumerate(names)}
        return {
            name: kind
            for name, kind in each.items()
            if kind in self.offer.layouts
            and self.alone in ("", name)
            and kind != "contiguous"
            and (kind != "expanded" or _repeats(inputs.arrays[name]))
        }


def data_of(reply: Reply, function: str) -> Any:
    """Return the lists, texts or numbers in a reply."""
    if reply.value is not None or reply.data is None:
        raise Violation(f"{function} returned an array or nothing, where lists or texts are due")
    return reply.data


def arrays_of(reply: Reply, component: Component, inputs: Inputs) -> dict[str, Array]:
    """Return the arrays in a reply, of the shapes that are due."""
    if not reply.results:
        raise Violation(f"{component.name} returned no array")
    shapes = component.shapes(inputs)
    if set(reply.results) != set(shapes):
        raise Violation(f"the results are {', '.join(reply.results)}, but should be {', '.join(shapes)}")
    for name, due in shapes.items():
        shape = reply.results[name].shape
        if shape != due:
            raise Violation(f"{the(name)} has the shape {shape}, but should have {due}", how="shape")
    return {name: reply.results[name] for name in shapes}


def the(result: str) -> str:
    """Say what a result is called in a sentence."""
    return "the result" if result == "result" else f"the result {result!r}"


def _repeats(array: Array) -> bool:
    """Say whether all of axis 0 holds the same bits, as the layout `expanded` needs."""
    return array.ndim > 1 and array.tobytes() == np.broadcast_to(array[:1], array.shape).tobytes()
