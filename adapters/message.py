"""Messages between the judge and the program that hosts an implementation.

The program reads requests from its standard input and writes replies to its standard output; standard error is
free text, shown when something goes wrong. A frame is

    4 bytes   length of the header, unsigned, little-endian
    8 bytes   length of the tensors, unsigned, little-endian
    header    one JSON object, UTF-8; numbers that JSON lacks are {"number": "NaN"}, with "Infinity" and "-Infinity"
    tensors   a safetensors block: 8-byte length, JSON index, raw little-endian bytes; or nothing at all

Between the judge and assay's own worker, large tensors cross memory that both share (`shared_memory.py`): the highest
bit of their length says so, and the frame ends with the header.

Nothing is ever unpickled. The program speaks first, exactly once:

    {"reply": "offer", "protocol": 1, "name": "my-kernel", "functions": ["attention"],
     "framework": "none", "package": "mine", "version": "2.0", "device": "cpu", "dtypes": ["float32"],
     "gradients": [], "conventions": {}, "numerics": {}, "layouts": ["contiguous"], "notes": []}

(all but `reply`, `protocol` and `functions` may be left out), or {"reply": "refused", "message": WHY}. Then every
request gets one reply with the same `id`, until standard input ends, at which the program exits:

    {"request": "call", "id": 7, "function": "attention", "options": {"causal": true}, "dtype": "bfloat16",
     "layouts": {"query": "transposed"}, "reuse": false}

The tensors of a request are the array arguments under their names in the contract, contiguous, floats in the
`dtype` of the call, integers as I64, masks as BOOL; an argument that is None is left out. An entry of a `weights`
mapping is the tensor `weights.<key>`. Arguments that are no arrays are in `options`. `layouts` names the memory
layouts in which arguments should be handed on (only those offered are asked for). The
request "gradient" is a "call" with one more tensor, `cotangent`, of the shape of the result, and a tensor
`cotangent.<name>` for each further result; only functions that the
offer lists in "gradients" are asked for theirs, and a field `wrt` may name the arguments whose gradients are wanted
(all, if it is left out). `reuse` asks that an argument
whose name, shape, dtype and layout are those of the call before be overwritten in place. `results` is left out,
or asks a program to "keep" what it returns, without a copy, or to "look" at that after a later call: the reply then has
what was kept, as it is now, as tensors `again.<name>`, and its own results once more, some hundredths of a second
later, as `later.<name>`. A program that cannot leaves these out. `repeated` asks it to make the call so many times
before the one that it answers.

    {"reply": "ok", "id": 7, "touched": [], "aliased": []}      with the tensor `result`, in its own dtype, and one
                                                                under its name for each further result of the
                                                                function; or, for lists and texts, with the header
                                                                field "data"
    {"reply": "ok", ...}                                        to a request "gradient": a tensor for each real array
                                                                argument, under its name, instead of `result`
    {"reply": "unsupported", "id": 7, "message": WHY}           a choice not to do this; never a pass. `lacks` may
                                                                name an option that no call takes
    {"reply": "error", "id": 7, "message": ..., "detail": ...}  an exception
    {"reply": "malformed", "id": 7, "message": ...}             it returned something that is not an array

`touched` names arguments whose contents the call changed, `aliased` those that share memory with a result.
"""

import struct
from collections.abc import Mapping
from typing import IO, Any, Final

import numpy as np

from .memory import free, in_words, room
from .shared_memory import LARGEST, SMALLEST, Block
from .strict_json import parse_json, write_json
from .tensors import NAMES as NAMES
from .tensors import Array as Array
from .tensors import TensorsError, read_tensors, write_tensors

PROTOCOL: Final = 1

_LENGTHS: Final = struct.Struct("<IQ")

# Far above any case; a program that prints to the pipe would otherwise have its text read as a length.
_LONGEST_HEADER: Final = 2**24
_LONGEST_TENSORS: Final = 2**36
_LARGE: Final = 2**28
_WIDE: Final = 2**20
_SHARED: Final = 2**63
"""Set in the length of tensors that cross shared memory."""


class MessageError(Exception):
    """What came through the pipe is not a message: the other program is at fault."""


class EndOfMessages(Exception):
    """The pipe ended where a message could have begun."""


def frame(
    header: Mapping[str, object], tensors: Mapping[str, Array], shared: Block | None = None
) -> list[bytes | memoryview]:
    """Write one message in parts, the arrays as they are; raise TypeError if the header holds what JSON cannot.

    Large tensors are not among the parts, but in the block that is `shared`, where there is one.
    """
    text = write_json(header, _number).encode()
    block = write_tensors(tensors) if tensors else []
    length = sum(map(len, block))
    if shared is not None and SMALLEST <= length <= LARGEST and shared.put(block):
        length, block = length | _SHARED, []
    return [_LENGTHS.pack(len(text), length) + text, *block]


def write_message(
    stream: IO[bytes], header: Mapping[str, object], tensors: Mapping[str, Array], shared: Block | None = None
) -> None:
    """Write one frame."""
    stream.writelines(frame(header, tensors, shared))
    stream.flush()


def read_message(
    stream: IO[bytes], most: int | None = None, shared: Block | None = None
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read one frame; `EndOfMessages` if there is none, `MessageError` if it is broken, or its tensors are larger."""
    lengths = stream.read(_LENGTHS.size)
    if not lengths:
        raise EndOfMessages
    if len(lengths) < _LENGTHS.size:
        raise MessageError(f"the pipe ended within the lengths of a message, after {lengths!r}")
    of_header, of_tensors = _LENGTHS.unpack(lengths)
    where = shared if of_tensors & _SHARED else None
    of_tensors -= _SHARED if where is not None else 0
    if of_header > _LONGEST_HEADER or of_tensors > (_LONGEST_TENSORS if where is None else LARGEST):
        raise MessageError(f"a message cannot begin with the bytes {lengths!r}; is something printed to the pipe?")
    if most is not None and of_tensors > most:
        raise MessageError(
            f"a result of {in_words(of_tensors)} is announced, where {in_words(most)} are more than any can have"
        )
    # What is free is asked for seldom: it takes longer than a small message.
    there = free() if of_tensors > _LARGE else None
    if there is not None and of_tensors > there:
        raise MessageError(f"a message of {in_words(of_tensors)} is announced, where {in_words(there)} are free")
    text = _read(stream, of_header)
    block = _read(stream, of_tensors) if where is None else where.get(of_tensors)
    if block is None:
        raise MessageError(f"tensors of {in_words(of_tensors)} are announced in shared memory, which is smaller")
    try:
        header = parse_json(str(text, "utf-8"), spelled=True)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"the header of a message is not JSON that can be read: {error}") from None
    if not isinstance(header, dict):
        raise MessageError(f"the header of a message must be a JSON object, not {type(header).__name__}")
    try:
        return header, read_tensors(block) if block else {}
    except TensorsError as error:
        raise MessageError(f"the tensors of a message are not in safetensors' format: {error}") from None


def _read(stream: IO[bytes], length: int) -> memoryview:
    """Read so many bytes; a length that is wrong takes no memory for what never comes."""
    data = memoryview(room(length) if length > _WIDE else bytearray(length))
    came = stream.readinto(data)  # type: ignore[attr-defined]
    if came < length:
        raise MessageError(f"the pipe ended within a message: {came} bytes of {length} came")
    return data


def as_data(value: object) -> Any:
    """Copy a result made of lists, texts and numbers as the other end reads it; raise TypeError for anything else."""
    try:
        return parse_json(write_json(value, _number), spelled=True)
    except (ValueError, RecursionError) as error:  # a list that holds itself, or is too deep
        raise TypeError(str(error)) from None


def _number(value: object) -> object:
    """Convert numpy's numbers to Python's; anything else is the caller's mistake."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot travel in the header of a message")
