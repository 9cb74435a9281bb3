"""A call and its reply, and the messages that carry them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import ml_dtypes
import numpy as np

from .contract import FUNCTIONS
from .declaration import check_function
from .foreign_text import LONGEST, visible, visible_lines
from .message import Array

Status = Literal["ok", "unsupported", "error", "died", "timeout", "malformed"]

_DTYPES: Final[Mapping[str, Any]] = {
    "float64": np.float64,
    "float32": np.float32,
    "bfloat16": ml_dtypes.bfloat16,
    "float16": np.float16,
}


_LEAST_ROOM: Final = 2**24
"""Bytes that a reply may have whatever is due, so that a wrong shape is seen as one."""
_ROOM: Final = 4 * 3 * 8
"""Bytes of a reply for each element that is due: four times what is kept, what is looked at again, and the result."""


@dataclass(frozen=True)
class Call:
    """One call of a component function, by the names of the contract; None-valued arrays are left out."""

    function: str
    arrays: Mapping[str, Array]
    options: Mapping[str, object] = field(default_factory=dict)
    dtype: str = ""
    layouts: Mapping[str, str] = field(default_factory=dict)
    cotangents: Mapping[str, Array] = field(default_factory=dict)
    """By result. If given, it is the gradient that is asked for: of the sum of each `sum(result * cotangent)`."""
    wrt: Sequence[str] | None = None
    """The arguments with respect to which the gradient is asked for; None: all that hold real numbers."""
    repeated: int = 0
    """How often the call is made before the one that is answered, in at most two seconds."""
    results: Literal["", "keep", "look"] = ""
    """Whether what it returns is kept as it is, or what was kept is looked at again, and its own results, too."""


@dataclass(frozen=True)
class Reply:
    """What came of a call."""

    status: Status
    results: Mapping[str, Array] = field(default_factory=dict)
    """The results in float64, by name, `result` first: the exact images of what came; none where data came."""
    dtypes: Mapping[str, str] = field(default_factory=dict)
    """The dtypes of what the implementation returned: of each result, or of each gradient."""
    touched: tuple[str, ...] = ()
    """Array arguments whose contents, or whose surroundings in memory, changed during the call."""
    aliased: tuple[str, ...] = ()
    """Array arguments that share memory with the result."""
    message: str = ""
    """The reason, one line: exception type and text."""
    detail: str = ""
    """The traceback, or the end of the worker's standard error."""
    killed: bool = False
    """Whether somebody else than the judge has killed the process, as a system does that runs out of memory."""
    ended: bool = False
    """Whether the process has ended with it, so that the next call starts another."""
    lacks: str = ""
    """The option that no call takes, where that is why this one was refused."""
    gradients: Mapping[str, Array] = field(default_factory=dict)
    """Where a cotangent was given, in place of a value: argument -> gradient, integers left out."""
    again: Mapping[str, Array] = field(default_factory=dict)
    """What was kept of an earlier call, as it is after this one; of its results or of its gradients."""
    later: Mapping[str, Array] = field(default_factory=dict)
    """What this call returned, as it is a moment later."""
    data: Any = None
    """The result of a function that returns lists, texts or numbers (beam_search, tokenize, detokenize)."""

    @property
    def value(self) -> Array | None:
        """The first result, if there is any."""
        return self.results.get("result")

    @property
    def dtype(self) -> str | None:
        """The dtype of the first result; of gradients, that of all, or each of theirs in words."""
        return self.dtypes.get("result") or " and ".join(sorted(set(self.dtypes.values()))) or None


def request_of(call: Call, reuse: bool) -> tuple[dict[str, Any], dict[str, Array]]:
    """Write the message that asks for a call. A mistake here is the judge's, so it raises."""
    check_function(call.function, "call")
    function = FUNCTIONS[call.function]
    known = {*function.arrays, *function.masks}
    for name in call.arrays:
        if name not in known and not (function.weights and name.startswith("weights.")):
            raise ValueError(f"{function.call} has no array {name!r}")
    for name in call.options:
        if name not in function.options and name not in function.extensions and name not in function.plain:
            raise ValueError(f"{function.call} has no option {name!r}")
    for name in (*function.arrays, *function.plain):
        if name not in call.arrays and name not in call.options:
            raise ValueError(f"{function.call} was called without {name!r}")
    if call.cotangents and not function.differentiable:
        raise ValueError(f"{function.call} has no gradient")
    if call.cotangents and call.cotangents.keys() != function.results.keys():
        raise ValueError(f"{function.call} needs a cotangent of {', '.join(function.results)}")
    arrays = dict(call.arrays) | {function.cotangents[name]: array for name, array in call.cotangents.items()}
    tensors = {name: _in_dtype(name, array, call.dtype) for name, array in arrays.items()}
    header: dict[str, Any] = {"function": call.function, "options": dict(call.options), "dtype": call.dtype}
    if call.wrt is not None:
        header["wrt"] = list(call.wrt)
    request = "gradient" if call.cotangents else "call"
    if call.results:
        header["results"] = call.results
    if call.repeated:
        header["repeated"] = call.repeated
    return {"request": request, **header, "layouts": dict(call.layouts), "reuse": reuse}, tensors


def _in_dtype(name: str, array: Array, dtype: str) -> Array:
    """Convert floats to the dtype of the call, in which they must be exact; integers and masks stay as they are."""
    if array.dtype.kind != "f":
        return array
    with np.errstate(over="ignore"):
        cast: Array = array.astype(_DTYPES[dtype])
    if not ((cast.astype(np.float64) == array) | (array != array)).all():
        raise ValueError(f"the array {name!r} holds values that are not representable in {dtype}")
    return cast


def most_of(call: Call) -> int | None:
    """Bound the bytes of a reply from above: results and gradients in float64, three times, and then some.

    None where the arguments do not tell every axis of a result.
    """
    function, sizes = FUNCTIONS[call.function], dict(call.options)
    for name, axes in function.arrays.items():
        shape = call.arrays[name].shape if name in call.arrays else ()
        words = axes.split()
        further = len(shape) - len(words) + 1
        if words[:1] == ["..."]:
            sizes["..."], shape, words = math.prod(shape[:further]), shape[further:], words[1:]
        sizes |= dict(zip(words, shape, strict=False))
    each: list[list[Any]] = [[sizes.get(word) for word in axes.split()] for axes in function.results.values()]
    if not all(isinstance(size, int) for axes in each for size in axes):
        return None
    elements = sum(math.prod(axes) for axes in each) + sum(array.size for array in call.arrays.values())
    return int(_LEAST_ROOM + _ROOM * elements)


def status_of(status: object) -> Status:
    """Return the status itself, or malformed if there is none of that name."""
    for known in ("ok", "unsupported", "error", "died", "timeout"):
        if status == known:
            return known
    return "malformed"


def reply_from(header: Mapping[str, Any], tensors: Mapping[str, Array]) -> Reply:
    """Read the reply in a message."""
    status = status_of(header.get("reply"))
    if status in ("died", "timeout"):  # the judge's own words, for what gives no reply
        return Reply("malformed", message=f"a reply cannot say {header['reply']!r} of itself")
    marks: dict[str, Any] = {}
    for name in ("touched", "aliased"):
        names = header.get(name, [])
        if not isinstance(names, list):
            return Reply("malformed", message=f"{name!r} of a reply must be a list of arguments, not {names!r:.200}")
        marks[name] = tuple(map(visible, names))
    # Half, since words of ours come before and after.
    message, detail = visible(header.get("message", ""), LONGEST // 2), visible_lines(str(header.get("detail", "")))
    again, later = (_looked_at(tensors, f"{when}.") for when in ("again", "later"))
    tensors = {name: array for name, array in tensors.items() if not name.startswith(("again.", "later."))}
    exact = {name: array.astype(np.float64) for name, array in tensors.items()}
    dtypes = {name: array.dtype.name for name, array in tensors.items()}
    if status == "ok" and "data" in header:
        return Reply("ok", data=header["data"], **marks)
    if status == "ok" and "result" in tensors:
        names = ("result", *(name for name in tensors if name != "result"))
        return Reply("ok", {name: exact[name] for name in names}, dtypes, **marks, again=again, later=later)
    if status == "ok" and tensors:
        return Reply("ok", gradients=exact, dtypes=dtypes, **marks, again=again, later=later)
    if not message and status in ("error", "unsupported"):
        message = "something that it does not describe" if status == "error" else "no reason was given"
    if status in ("ok", "malformed") and not message:
        return Reply("malformed", message=f"the reply holds neither a result nor a reason: {header!r:.200}")
    return Reply(status, message=message, detail=detail, lacks=visible(header.get("lacks", "")), **marks)


def _looked_at(tensors: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """Take what was looked at once more, in float64."""
    of_then = [name for name in tensors if name.startswith(prefix)]
    return {name.removeprefix(prefix): tensors[name].astype(np.float64) for name in of_then}
