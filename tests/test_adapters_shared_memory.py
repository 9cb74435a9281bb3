"""Memory that judge and worker share: what crosses it arrives as it was, and nobody can take it away."""

import io
import os
import sys

import numpy as np
import pytest

from assay.adapters import open_adapter
from assay.adapters.message import MessageError, read_message, write_message
from assay.adapters.shared_memory import LARGEST, SMALLEST, Block, Blocks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory without a name is Linux's")


@pytest.fixture
def ends():
    """One block as its two ends have it."""
    blocks = Blocks.new()
    writer, reader = blocks.requests, Block(os.dup(blocks.requests.descriptor))
    yield writer, reader
    reader.close()
    blocks.close()
    blocks.close()  # once more is no harm


def sent(header, tensors, ends, most=None):
    """Let a message cross; return its frame, too."""
    writer, reader = ends
    stream = io.BytesIO()
    write_message(stream, header, tensors, writer)
    return stream.getvalue(), *read_message(io.BytesIO(stream.getvalue()), most, reader)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1)])
def test_tensors_of_every_size_arrive_as_they_were(ends, order):
    for number in order:
        rows = number * SMALLEST // 1024
        tensors = {
            "x": np.random.default_rng(number).normal(size=(rows, 256)).astype(np.float32),
            "mask": np.arange(rows) % 3 == 0,
            "none": np.zeros((0, 4)),
        }
        frame, header, came = sent({"id": number}, tensors, ends)
        assert header == {"id": number}
        assert len(frame) < 100  # the tensors are elsewhere
        assert {name: each.dtype for name, each in came.items()} == {name: each.dtype for name, each in tensors.items()}
        for name, each in tensors.items():
            np.testing.assert_array_equal(came[name], each)
            assert not came[name].flags.writeable


def test_small_tensors_stay_in_the_frame(ends):
    frame, _, came = sent({}, {"x": np.ones(1000)}, ends)
    assert len(frame) > 8000
    assert came["x"].sum() == 1000


def test_where_the_system_has_no_room_the_pipe_is_taken(ends, monkeypatch):
    def refuse(*_):
        raise OSError("file too large")

    monkeypatch.setattr(os, "ftruncate", refuse)
    frame, _, came = sent({}, {"x": np.ones(SMALLEST)}, ends)
    assert len(frame) > 8 * SMALLEST
    assert came["x"].sum() == SMALLEST


def test_a_block_grows_and_does_not_shrink(ends):
    writer, reader = ends
    assert writer.put([b"ab", memoryview(b"c")])
    held = reader.get(3)
    with pytest.raises(PermissionError):
        os.ftruncate(writer.descriptor, 0)
    assert writer.put([b"z" * 100_000])
    assert bytes(held) == b"zzz"  # the same memory: what must stay is copied
    assert bytes(reader.get(100_000)[-1:]) == b"z"


@pytest.mark.parametrize(
    ("length", "words"),
    [(2**63 | SMALLEST, "in shared memory, which is smaller"), (2**63 | (LARGEST + 1), "cannot begin with")],
)
def test_a_length_that_is_not_there_is_refused(ends, length, words):
    frame = (2).to_bytes(4, "little") + length.to_bytes(8, "little") + b"{}"
    with pytest.raises(MessageError, match=words):
        read_message(io.BytesIO(frame), None, ends[1])
    with pytest.raises(MessageError, match="cannot begin with"):  # a program shares nothing
        read_message(io.BytesIO(frame))


def test_what_is_more_than_any_result_is_refused(ends):
    with pytest.raises(MessageError, match="more than any can have"):
        sent({}, {"x": np.ones(SMALLEST)}, ends, most=2**20)


KEEPER = """
import numpy as np
before = []

def softmax(x):
    before.append(x)
    return before[0] if len(before) > 1 else x * 2
"""


def test_the_arguments_of_a_call_do_not_lie_in_shared_memory(tmp_path):
    """An implementation may keep its arguments; the next call's must not overwrite them."""
    file = tmp_path / "keeper.py"
    file.write_text(KEEPER, encoding="utf-8")
    first, second = (np.full((600, 1000), value) for value in (3.0, 5.0))
    adapter = open_adapter(str(file))
    try:
        replies = [adapter.call("softmax", {"x": each}, dtype="float32") for each in (first, second)]
    finally:
        adapter.close()
    np.testing.assert_array_equal(replies[0].value, 2 * first)  # what the judge has is its own
    np.testing.assert_array_equal(replies[1].value, first)
