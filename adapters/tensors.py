"""The tensors of a message: a block in safetensors' format, written from arrays and read into them without a copy.

8 bytes   length of the index, unsigned, little-endian
index     one JSON object: {"x": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
data      raw little-endian bytes, one tensor after another
"""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import ml_dtypes
import numpy as np

from .strict_json import parse_json

_LENGTH: Final = struct.Struct("<Q")

# safetensors' names of the formats that may cross the pipe.
_FORMATS: Final[Mapping[str, np.dtype[Any]]] = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I64": np.dtype(np.int64),
    "I32": np.dtype(np.int32),
    "I16": np.dtype(np.int16),
    "I8": np.dtype(np.int8),
    "U8": np.dtype(np.uint8),
    "BOOL": np.dtype(np.bool_),
}
_LETTERS: Final = {dtype.name: letters for letters, dtype in _FORMATS.items()}

NAMES: Final = tuple(dtype.name for dtype in _FORMATS.values())
"""numpy's names of the formats that may cross the pipe."""

Array = np.ndarray[Any, np.dtype[Any]]


class TensorsError(Exception):
    """A block is not in safetensors' format."""


def write_tensors(tensors: Mapping[str, Array]) -> list[bytes | memoryview]:
    """Write a block in parts: its index, and the memory of each array as it is, or of a copy if it has gaps."""
    index, parts, end = {}, [], 0
    # The widest first, so that each lies at a multiple of its size.
    for name, array in sorted(tensors.items(), key=lambda item: -item[1].itemsize):
        letters = _LETTERS[array.dtype.name]
        index[name] = {"dtype": letters, "shape": array.shape, "data_offsets": (end, end + array.nbytes)}
        # The bytes of a number may be in the other order.
        plain = np.ascontiguousarray(array, _FORMATS[letters])
        parts.append(plain.reshape(-1).view(np.uint8).data)
        end += array.nbytes
    text = json.dumps(index).encode()
    text += b" " * (-len(text) % _LENGTH.size)
    return [_LENGTH.pack(len(text)) + text, *parts]


def read_tensors(block: memoryview) -> dict[str, Array]:
    """Read a block as views of its memory, which cannot be written to; `TensorsError` if it is broken."""
    index, data = _parts(block)
    tensors, at = {}, 0
    try:
        for name, entry in sorted(index.items(), key=lambda item: item[1]["data_offsets"]):
            begin, end = entry["data_offsets"]
            if begin != at or not begin <= end <= len(data):
                place = f"bytes {begin!r:.40} to {end!r:.40}"
                raise TensorsError(f"tensor {name!r:.200} lies at {place}, where one ends at byte {at}")
            tensors[name], at = _tensor(name, entry, data[begin:end]), end
    except (KeyError, TypeError, ValueError) as error:
        raise TensorsError(f"the index of tensors cannot be read: {type(error).__name__}: {error!s:.200}") from None
    if at != len(data):
        raise TensorsError(f"the tensors end at byte {at}, and their data at byte {len(data)}")
    # In the order of their names, in which a report names them, too.
    return {name: tensors[name] for name in sorted(tensors)}


def _parts(block: memoryview) -> tuple[dict[str, Any], memoryview]:
    """Take a block apart."""
    of_index = int.from_bytes(block[: _LENGTH.size], "little")
    data = block[_LENGTH.size + of_index :]
    if len(block) < _LENGTH.size + of_index:
        raise TensorsError(f"an index of {of_index} bytes is announced, in a block of {len(block)}")
    try:
        index = parse_json(str(block[_LENGTH.size : _LENGTH.size + of_index], "utf-8"))
    except (ValueError, RecursionError) as error:
        raise TensorsError(f"the index of tensors is not JSON that can be read: {error!s:.200}") from None
    if not isinstance(index, dict):
        raise TensorsError(f"the index of tensors must be a JSON object, not {type(index).__name__}")
    index.pop("__metadata__", None)
    return index, data.toreadonly()


def _tensor(name: str, entry: Mapping[str, Any], data: memoryview) -> Array:
    dtype, shape = _FORMATS.get(entry["dtype"]), entry["shape"]
    if dtype is None:
        raise TensorsError(f"tensor {name!r:.200} is in the format {entry['dtype']!r:.40}, which assay does not read")
    if not isinstance(shape, Sequence) or any(type(size) is not int or size < 0 for size in shape):
        raise TensorsError(f"the shape of tensor {name!r:.200} must be a list of sizes, not {shape!r:.200}")
    due = math.prod(shape) * dtype.itemsize
    if len(data) != due:
        raise TensorsError(
            f"tensor {name!r:.200} has {len(data)} bytes, where {entry['dtype']} {list(shape)!s:.200} takes {due}"
        )
    try:
        return np.frombuffer(data, dtype).reshape(shape)
    except ValueError as error:  # more axes, or beside an axis of 0 more elements
        raise TensorsError(f"tensor {name!r:.200} has a shape that no array has: {error}") from None
