"""One loaded adapter answering requests: builds the call, makes it, and looks at what it did to its arguments.

Used by the worker, on the other side of the pipe, and by `InProcessAdapter`, on this one.
"""

import inspect
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .contract import FUNCTIONS, Function
from .declaration import text_of
from .layouts import Laid, lay
from .loading import Loaded
from .message import NAMES, as_data

Array = np.ndarray[Any, np.dtype[Any]]
Answer = tuple[dict[str, Any], dict[str, Array]]
_LONGEST_MESSAGE = 500
_SPOILT = 2**18
"""Up to how many bytes memory is spoilt before a call; what is larger comes from the system, and is zero."""
_LONGEST_REPEATS = 2.0
_MOMENT = 0.04
"""Seconds after which a result is looked at once more: threads that finish it later are no part of a call."""


class Argument:
    """One array as the implementation sees it, with what it must still hold after the call."""

    def __init__(self, values: Array, laid: Laid, layout: str, loaded: Loaded) -> None:
        """Make the array in the framework."""
        self.values, self.laid, self.layout, self._bridge = values, laid, layout, loaded.bridge
        self._before = self._held()
        self.storage, self.view = loaded.bridge.to_framework(laid, loaded.offer.device)

    def overwritten(self, values: Array, laid: Laid, layout: str) -> bool:
        """Hold other values in the same object, where that is possible."""
        alike = (layout, laid.shape, laid.strides, laid.offset, laid.buffer.dtype, laid.buffer.shape) == (
            *(self.layout, self.laid.shape, self.laid.strides),
            *(self.laid.offset, self.laid.buffer.dtype, self.laid.buffer.shape),
        )
        if not alike or laid.held is not None or not self._bridge.overwrite(self.storage, laid.buffer):
            return False
        self.values, self.laid = values, laid
        self._before = self._held()
        return True

    def _held(self) -> Array:
        """Give what its storage must hold after the call; of reserved addresses, what was put there."""
        return self.laid.buffer if self.laid.held is None else self.laid.buffer[self.laid.held]

    @property
    def touched(self) -> bool:
        """Whether the call changed it, or wrote to what surrounds it in memory."""
        try:
            # Both: a view that was transposed in place, or given other memory, leaves the storage as it was.
            storage = self._bridge.from_framework(self.storage)
            now = storage if self.laid.held is None else storage[self.laid.held]
            return not (_same(now, self._before) and _same(self._bridge.from_framework(self.view), self.values))
        except TypeError:
            return True  # it cannot even be read any more

    def shares_memory(self, result: object) -> bool:
        """Say whether a result is a view of this argument."""
        return self._bridge.shares_memory(result, self.storage)


def _same(now: Array, then: Array) -> bool:
    """Compare bit for bit, so that NaN equals NaN and -0 is not 0."""
    if (now.shape, now.itemsize) != (then.shape, then.itemsize):
        return False
    bits = f"u{now.itemsize}"
    return bool((now.view(bits) == then.view(bits)).all())


class Host:
    """Answers requests for one adapter, one after another."""

    def __init__(self, loaded: Loaded) -> None:
        """Host it."""
        self._loaded = loaded
        self._before: dict[str, Argument] = {}
        self._kept: dict[str, Any] = {}
        self._sizes: dict[str, set[int]] = {}
        """The bytes of the results of each function, in its last call."""

    def answer(self, request: Mapping[str, Any], tensors: Mapping[str, Array]) -> Answer:
        """Make the reply to one call: header and tensors. This never raises for what the implementation does."""
        name = request["function"]
        called = self._loaded.functions.get(name)
        if called is None:
            return {"reply": "unsupported", "message": f"{name} is not offered"}, {}
        asked = [called]
        if request["request"] == "gradient" and name in self._loaded.vjps:
            asked.append(self._loaded.vjps[name])
        for option in FUNCTIONS[name].extensions:
            if option in request["options"] and not all(_takes(each, option) for each in asked):
                return {"reply": "unsupported", "message": f"{name} takes no {option}", "lacks": option}, {}
        try:
            arguments = self._arguments(request, tensors)
        except NotImplementedError as error:  # memory that cannot be laid out so
            return {"reply": "unsupported", "message": _line(str(error))}, {}
        except Exception as error:
            # Not the implementation's fault, but the case cannot be judged: say so, keep going.
            return _raised("malformed", error, f"the arguments cannot be made: {_text(error)}"), {}
        function, views = FUNCTIONS[name], {key: each.view for key, each in arguments.items()}
        sizes = {each.values.nbytes for each in arguments.values()} | self._sizes.get(name, set())
        self._loaded.bridge.spoil([size for size in sizes if 0 < size <= _SPOILT], self._loaded.offer.device)
        try:
            if request["request"] == "gradient":
                names, result = self._gradients(function, views, request)
            else:
                names = []
                positional, keywords = _call(function, views, request["options"])
                _repeat(called, positional, keywords, request.get("repeated", 0))
                result = called(*positional, **keywords)
        except NotImplementedError as error:
            return {
                "reply": "unsupported",
                "message": _line(text_of(error)) or f"{name} raised NotImplementedError",
            }, {}
        except (Exception, SystemExit) as error:
            return _raised("error", error, _text(error)), {}
        return self._reply(function, names, result, arguments, request)

    def _values(self, results: Mapping[str, Any]) -> dict[str, Array]:
        """Read the values of results from the framework, as they are now or will be."""
        return {name: self._loaded.bridge.from_framework(each) for name, each in results.items()}

    def _looked_at(self, results: Mapping[str, Any], how: str) -> dict[str, Array]:
        """Keep results as they are, or look at those that were kept, and at these a moment later."""
        if how == "keep":
            self._kept = dict(results)
        if how != "look":
            return {}
        again = {f"again.{name}": each.copy() for name, each in self._values(self._kept).items()}
        self._kept = {}
        time.sleep(_MOMENT)
        return again | {f"later.{name}": each for name, each in self._values(results).items()}

    def _gradients(
        self, function: Function, views: Mapping[str, Any], request: Mapping[str, Any]
    ) -> tuple[list[str], Any]:
        """Compute the adapter's own gradients where it has them, which are all of them; else the framework's."""
        options, every = request["options"], _differentiable(function, views)
        cotangents = tuple(views[name] for name in function.cotangents.values())
        along = cotangents[0] if len(cotangents) == 1 else cotangents
        if explicit := self._loaded.vjps.get(function.name):
            positional, keywords = _call(function, views, options)
            return every, explicit(along, *positional, **keywords)
        names = request.get("wrt") or every

        def run(*arrays: Any) -> Any:
            positional, keywords = _call(function, {**views, **dict(zip(names, arrays, strict=True))}, options)
            result = self._loaded.functions[function.name](*positional, **keywords)
            return result if len(cotangents) == 1 else tuple(_results(function, result).values())

        return names, self._loaded.bridge.vjp(run, [views[name] for name in names], along)

    def _arguments(self, request: Mapping[str, Any], tensors: Mapping[str, Array]) -> dict[str, Argument]:
        before, made = self._before if request["reuse"] else {}, {}
        for name, values in tensors.items():
            layout = request["layouts"].get(name, "contiguous")
            laid = lay(values, layout)
            kept = before.get(name)
            reused = kept is not None and kept.overwritten(values, laid, layout)
            made[name] = kept if kept is not None and reused else Argument(values, laid, layout, self._loaded)
        self._before = made
        return made

    def _reply(
        self,
        function: Function,
        names: list[str],
        result: Any,
        arguments: Mapping[str, Argument],
        request: Mapping[str, Any],
    ) -> Answer:
        wanted = request.get("wrt")
        touched = [name for name, argument in arguments.items() if argument.touched]
        header: dict[str, Any] = {"reply": "ok", "touched": touched, "aliased": []}
        try:
            if function.gives_data:
                return header | {"data": as_data(result)}, {}
            results = _named(names, result) if names else _results(function, result)
            results = {name: each for name, each in results.items() if not wanted or name in wanted}
            values = self._values(results)
            _check_dtypes(values)
            self._sizes[function.name] = {each.nbytes for each in values.values()}
            if how := request.get("results"):  # what is looked at twice must not change in between
                values = {name: each.copy() for name, each in values.items()} | self._looked_at(results, how)
        except Exception as error:  # of an object that only looks like an array
            said = text_of(error) if isinstance(error, TypeError) else _text(error)
            message = f"{function.name} returned something that cannot be judged: {_line(said)}"
            return {"reply": "malformed", "touched": touched, "message": message}, {}
        header["aliased"] = [
            name for name, argument in arguments.items() if any(map(argument.shares_memory, results.values()))
        ]
        return header, values


def _call(function: Function, views: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """List the positional arguments and the keywords of the contract's call."""
    values = {**views, **options}
    if function.weights:
        values["weights"] = {
            name.removeprefix("weights."): view for name, view in views.items() if name.startswith("weights.")
        }
    known = (*function.masks, *function.options, *function.extensions)
    keywords = {name: value for name, value in values.items() if name in known}
    return [values[name] for name in function.positional], keywords


def _repeat(called: Callable[..., Any], positional: list[Any], keywords: dict[str, Any], count: int) -> None:
    """Make a call many times, for a time."""
    end = time.monotonic() + _LONGEST_REPEATS
    for _ in range(count):
        called(*positional, **keywords)
        if time.monotonic() > end:
            return


def _takes(called: Callable[..., Any], option: str) -> bool:
    """Say whether a function has a keyword; compiled functions may not tell, and are believed."""
    try:
        parameters = inspect.signature(called).parameters
    except (TypeError, ValueError):
        return True
    return option in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())


def _differentiable(function: Function, views: Mapping[str, Any]) -> list[str]:
    """List the arguments that have a gradient in the order of the contract, since tensors arrive in any order."""
    weights = sorted(name for name in views if name.startswith("weights."))
    return [*function.real, *weights]


def _results(function: Function, result: Any) -> dict[str, Any]:
    """Take apart what a function returned: one result, or several in a tuple in their order or in a mapping."""
    due = list(function.results)
    if len(due) == 1:
        return {due[0]: result}
    if isinstance(result, Mapping):
        if set(result) != set(due):
            got = ", ".join(map(str, result)) or "none"
            raise TypeError(f"it gives the results {got}, where {', '.join(due)} are due")
        return {name: result[name] for name in due}
    each = list(result) if isinstance(result, tuple | list) else [result]
    if len(each) != len(due):
        count = f"{len(each)} results" if len(each) != 1 else "one result"
        raise TypeError(f"it gives {count}, where {len(due)} are due: {', '.join(due)}")
    return dict(zip(due, each, strict=True))


def _named(names: list[str], gradients: Any) -> dict[str, Any]:
    """Name gradients by argument; a single one need not come in a tuple, those of `weights` come as a mapping."""
    each = list(gradients) if isinstance(gradients, tuple | list) else [gradients]
    if each and isinstance(each[-1], Mapping):
        of_weights = each.pop()
        each += [of_weights.get(name.removeprefix("weights.")) for name in names[len(each) :]]
    if len(each) != len(names):
        raise TypeError(f"{len(each)} gradients, where {len(names)} are due: {', '.join(names)}")
    return dict(zip(names, each, strict=True))


def _check_dtypes(results: Mapping[str, Array]) -> None:
    for each in results.values():
        if each.dtype.name not in NAMES:
            raise TypeError(f"its dtype is {each.dtype}, which assay does not judge")


def _line(text: str) -> str:
    """Shorten a text to one line of bearable length."""
    return " ".join(text.split())[:_LONGEST_MESSAGE]


def _text(error: BaseException) -> str:
    return _line(f"{type(error).__name__}: {text_of(error)}")


def _raised(reply: str, error: BaseException, message: str) -> dict[str, Any]:
    # The first frame is ours.
    frames = error.__traceback__.tb_next if error.__traceback__ else None
    detail = "".join(traceback.format_exception(type(error), error, frames))
    return {"reply": reply, "message": message, "detail": detail}
