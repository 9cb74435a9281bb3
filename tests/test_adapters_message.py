"""Messages arrive bit for bit, and a broken one is named."""

import io
import json
import struct
import tempfile
import tracemalloc

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.adapters import message
from assay.adapters.message import EndOfMessages, MessageError, as_data, read_message, write_message
from assay.adapters.message import frame as frame_of
from assay.adapters.tensors import write_tensors

EVERY_FORMAT = [
    *(np.float64, np.float32, np.float16, ml_dtypes.bfloat16),
    *(np.int64, np.int32, np.int16, np.int8, np.uint8, np.bool_),
]


def through_a_pipe(header, tensors):
    """Return what the other end reads."""
    stream = io.BytesIO()
    write_message(stream, header, tensors)
    stream.seek(0)
    return read_message(stream)


@pytest.mark.parametrize("dtype", EVERY_FORMAT)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3), (1, 2, 1, 3)])
def test_a_tensor_arrives_as_it_was(dtype, shape):
    """Dtype, shape and every bit."""
    bits = np.random.default_rng(0).integers(0, 2, (*shape, np.dtype(dtype).itemsize), np.uint8)
    sent = np.frombuffer(bits.tobytes(), dtype).reshape(shape)

    header, tensors = through_a_pipe({"id": 1}, {"x": sent})

    assert header == {"id": 1}
    assert tensors["x"].dtype == sent.dtype
    assert tensors["x"].shape == sent.shape
    assert tensors["x"].tobytes() == sent.tobytes()


@pytest.mark.parametrize("pattern", [0x7FC1, 0xFF81, 0x7F80, 0xFF80, 0x8000, 0x0001])
def test_the_bits_of_a_bfloat16_survive(pattern):
    """NaN payloads, infinities, minus zero, the smallest subnormal."""
    sent = np.array([pattern], np.uint16).view(ml_dtypes.bfloat16)

    _, tensors = through_a_pipe({}, {"x": sent})

    assert tensors["x"].view(np.uint16)[0] == pattern


def test_strides_are_not_sent():
    """A view arrives as its values."""
    sent = np.arange(24.0).reshape(2, 3, 4)[:, ::2].swapaxes(0, 2)

    _, tensors = through_a_pipe({}, {"x": sent, "y": sent[0]})

    assert np.array_equal(tensors["x"], sent)
    assert np.array_equal(tensors["y"], sent[0])


def test_tensors_come_in_the_order_of_their_names():
    """Whatever the order in which they were sent, and always the same."""
    sent = {name: np.zeros(2) for name in ("x", "gain", "bias", "w_1", "b_1")}

    assert {tuple(through_a_pipe({}, sent)[1]) for _ in range(20)} == {tuple(sorted(sent))}


def test_the_block_of_tensors_is_what_the_format_says():
    """The widest number first, each at a multiple of its size; of a strided view, of either order of bytes."""
    sent = {"mask": np.array([True]), "x": np.array([1.0, 9.0, 2.0], ">f4")[::2], "empty": np.zeros((0, 3), np.float16)}
    block = b"".join(write_tensors(sent))

    length, index = int.from_bytes(block[:8], "little"), block[8:].partition(b"}}")[0] + b"}}"

    assert length % 8 == 0
    assert json.loads(index) == {
        "x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "empty": {"dtype": "F16", "shape": [0, 3], "data_offsets": [8, 8]},
        "mask": {"dtype": "BOOL", "shape": [1], "data_offsets": [8, 9]},
    }
    assert block[8 + length :] == struct.pack("<ff?", 1.0, 2.0, True)


def test_a_large_array_is_not_copied():
    """It is written from where it lies, and read to where it stays, as what cannot be changed."""
    sent, size = np.arange(2**20, dtype=np.float64), 2**23
    with tempfile.TemporaryFile() as pipe:
        tracemalloc.start()
        write_message(pipe, {}, {"x": sent})
        pipe.seek(0)
        tensors = read_message(pipe)[1]
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < size / 4
    assert np.array_equal(tensors["x"], sent)
    assert not tensors["x"].flags.writeable


def test_numbers_of_the_header():
    """Numpy's numbers and the infinities are numbers; an object is refused."""
    header, _ = through_a_pipe({"scale": np.float64(0.1), "heads": np.int64(2), "low": float("-inf")}, {})

    assert header == {"scale": 0.1, "heads": 2, "low": float("-inf")}
    with pytest.raises(TypeError, match="ndarray cannot travel"):
        as_data([np.zeros(3)])


def test_a_header_is_json_whatever_its_numbers():
    """A reader that knows JSON alone can read it, and an object or a text of such words is not taken for a number."""
    sent = {"data": [(1, float("nan")), np.float32("inf"), {"low": float("-inf")}], "text": "NaN", "number": "NaN"}
    sent["objects"] = [{"number": 5}, {"number": "NaN", "more": 0}]
    header = b"".join(frame_of(sent, {}))[12:]

    def refuse(word):
        raise AssertionError(word)

    text = json.loads(header, parse_constant=refuse)
    numbers = [{"number": word} for word in ("NaN", "Infinity", "-Infinity")]
    assert text == {**sent, "data": [[1, numbers[0]], numbers[1], {"low": numbers[2]}]}
    again, _ = read_message(io.BytesIO(frame(header)))
    assert np.isnan(again["data"][0].pop())
    assert again == {**sent, "data": [[1], float("inf"), {"low": float("-inf")}]}


def frame(header, block=b"", *, lengths=None):
    """Write a frame by hand."""
    return struct.pack("<IQ", *(lengths or (len(header), len(block)))) + header + block


def tensors(**index):
    """Write a block of one tensor by hand."""
    text = json.dumps({"x": {"dtype": "F32", **index}}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(index["data_offsets"][1])


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (b"\x05\x00", "ended within the lengths"),
        (b"Hello, world, this is a print", "is something printed to the pipe"),
        (frame(b"{}", lengths=(10, 0)), "ended within a message: 2 bytes of 10"),
        (frame(b"{]"), "not JSON"),
        (frame(b"[1]"), "must be a JSON object, not list"),
        (frame(b"{}", b"no tensors here"), "not in safetensors' format"),
        (
            frame(b"{}", tensors(shape=[3], data_offsets=[0, 12], dtype="F64")),
            r"'x' has 12 bytes, where F64 \[3\] takes 24",
        ),
        (frame(b'{"scale": NaN}'), r'NaN is no number of JSON; write {"number": "NaN"}'),
        (frame(b'{"id": 1, "id": 2}'), "an object has a name twice"),
        (frame(b"{}", tensors(shape=[0, 2**62], data_offsets=[0, 0])), "a shape that no array has"),
        (frame(b"{}", tensors(shape=[1] * 70, data_offsets=[0, 4])), "a shape that no array has"),
        (frame(b"{}", tensors(shape=[2], data_offsets=[0, 4])), r"tensor 'x' has 4 bytes, where F32 \[2\] takes 8"),
        (frame(b"{}", tensors(shape=[-1], data_offsets=[0, 4])), "must be a list of sizes"),
        (frame(b"{}", tensors(shape=[True], data_offsets=[0, 4])), "must be a list of sizes"),
        (frame(b"{}", tensors(shape=[1], data_offsets=[4, 8])), "lies at bytes 4 to 8, where one ends at byte 0"),
        (frame(b"{}", tensors(shape=[0], data_offsets=[4, 0])), "lies at bytes 4 to 0"),
        (frame(b"{}", tensors(shape=[1], data_offsets=[0, 4])[:-1]), "lies at bytes 0 to 4"),
        (frame(b"{}", tensors(shape=[1], data_offsets=[0, 4]) + b"more"), "end at byte 4, and their data at byte 8"),
        (frame(b"{}", tensors(shape=[1], data_offsets=[0, 4], dtype="I4")), "in the format 'I4', which assay does"),
        (frame(b"{}", tensors(shape=[1], data_offsets=[0, 4], dtype=["F32"])), "cannot be read: TypeError"),
        (frame(b"{}", struct.pack("<Q", 2) + b"[]"), "must be a JSON object, not list"),
        (frame(b"{}", struct.pack("<Q", 8) + b'{"x": 3}'), "cannot be read: TypeError"),
    ],
)
def test_a_broken_frame_is_named(broken, says):
    """Each in its own words."""
    with pytest.raises(MessageError, match=says):
        read_message(io.BytesIO(broken))


def test_what_nothing_could_hold_is_not_waited_for(monkeypatch):
    """A program may announce 64 GiB, and send them."""
    claimed = frame(b"{}", b"few", lengths=(2, 2**36))
    monkeypatch.setattr(message, "free", lambda: 2**35)
    with pytest.raises(MessageError, match=r"a message of 64\.0 GiB is announced, where 32\.0 GiB are free"):
        read_message(io.BytesIO(claimed))
    monkeypatch.setattr(message, "free", lambda: None)
    with pytest.raises(MessageError, match="the pipe ended within a message"):
        read_message(io.BytesIO(claimed))


def test_a_length_that_never_comes_takes_no_memory(monkeypatch):
    """A header may claim 64 GiB; a buffered pipe takes what it is asked for before anything comes."""
    monkeypatch.setattr(message, "free", lambda: 2**40)
    claimed = frame(b"{}", b"few", lengths=(2, 2**36))
    with tempfile.TemporaryFile() as pipe:
        pipe.write(claimed)
        pipe.seek(0)
        tracemalloc.start()
        with pytest.raises(MessageError, match=f"3 bytes of {2**36} came"):
            read_message(pipe)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 2**28


def test_a_tensor_of_several_pieces_arrives_as_it_was():
    _, tensors = through_a_pipe({}, {"x": np.arange(2**22 + 1, dtype=np.float64)})
    np.testing.assert_array_equal(tensors["x"], np.arange(2**22 + 1))


def test_the_end_is_not_an_error():
    """Nothing where a message could begin is how a conversation ends."""
    with pytest.raises(EndOfMessages):
        read_message(io.BytesIO(b""))


def read(data):
    """Return what the bytes are, or None; whatever else happens is a mistake."""
    try:
        return read_message(io.BytesIO(data))
    except (MessageError, EndOfMessages):
        return None


@given(st.binary())
def test_any_bytes_are_a_message_or_a_broken_one(data):
    assert read(data) is None or isinstance(data, bytes)


@given(st.binary(), st.binary())
def test_any_header_and_any_tensors_are_a_message_or_a_broken_one(header, block):
    found = read(frame(header, block))

    assert found is None or isinstance(json.loads(header), dict)


@given(st.data())
def test_a_message_with_some_bytes_changed_is_a_message_or_a_broken_one(data):
    """Most of these get as far as the tensors."""
    stream = io.BytesIO()
    write_message(stream, {"id": 7, "options": {"scale": 0.5}}, {"x": np.zeros((2, 3)), "mask": np.ones(4, bool)})
    sent = bytearray(stream.getvalue())
    for place in data.draw(st.lists(st.integers(0, len(sent) - 1), min_size=1, max_size=3)):
        sent[place] = data.draw(st.integers(0, 255))

    found = read(bytes(sent))

    assert found is None or set(map(type, found[1].values())) <= {np.ndarray}


@pytest.mark.parametrize("brackets", [b"[" * 100_000, b'{"a":' * 100_000])
def test_a_header_that_is_too_deep_is_named(brackets):
    with pytest.raises(MessageError, match="not JSON"):
        read_message(io.BytesIO(frame(brackets)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON))
def test_any_header_arrives_as_it_was(header):
    assert through_a_pipe(header, {}) == (header, {})
