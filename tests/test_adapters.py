"""The client against workers that behave, misbehave, and come back."""

import contextlib
import shlex
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from adapters_for_tests.misbehaving import BEHAVIOURS
from platforms import POSIX

from assay.adapters import AdapterError, Call, open_adapter

HERE = Path(__file__).parent / "adapters_for_tests"
NAMES = [behaviour.__name__ for behaviour in BEHAVIOURS]


@pytest.fixture(scope="module")
def worker():
    """One worker for all: what one case breaks, the next must find mended."""
    with contextlib.closing(open_adapter(str(HERE / "misbehaving.py"), timeout=1.0)) as adapter:
        yield adapter


@pytest.fixture
def in_process():
    """Open the same adapter in this process."""
    return open_adapter(str(HERE / "misbehaving.py"), in_process=True)


def behave(adapter, name, layout="contiguous"):
    """One call."""
    x = np.array([[NAMES.index(name), 1.0, 2.0]])
    return adapter.call("softmax", {"x": x}, dtype="float32", layouts={"x": layout})


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("exits", "died", "the worker exited with status 3"),
        pytest.param("aborts", "died", "the worker was killed by SIGABRT", marks=POSIX),
        ("hangs", "timeout", "the worker gave no answer within 1 s"),
        ("scribbles", "malformed", "is something printed to the pipe?"),
        ("returns_a_list", "malformed", "softmax returned something that cannot be judged: it is a list"),
        ("returns_complex", "malformed", "its dtype is complex64"),
        ("refuses", "unsupported", "not today"),
        ("refuses_in_its_own_words", "unsupported", "no kernel"),
        ("fails", "error", "ValueError: of several lines"),
        ("leaves", "error", "SystemExit: 4"),
    ],
)
def test_a_failure_is_a_reply_and_the_run_goes_on(worker, name, status, message):
    """The reply says what happened, and the next call is answered."""
    reply = behave(worker, name)

    assert (reply.status, reply.value) == (status, None)
    assert message in reply.message
    assert "\n" not in reply.message
    assert behave(worker, "right").status == "ok"


def test_the_last_words_of_a_worker_are_kept(worker):
    """Standard error, and what was printed, stand in the detail of a crash; a traceback in that of an error."""
    assert "last words" in behave(worker, "exits").detail
    assert 'raise ValueError("of several' in behave(worker, "fails").detail


@pytest.mark.parametrize("name", ["right", "prints", "reads"])
@pytest.mark.parametrize("mode", ["worker", "in_process"])
def test_a_right_result(name, mode, request):
    """Printing and reading disturb nothing; the value is the float64 image of a float32."""
    if (name, mode) == ("reads", "in_process"):
        pytest.skip("in this process, standard input is ours")
    reply = behave(request.getfixturevalue(mode), name)
    x = np.array([[NAMES.index(name), 1.0, 2.0]])

    assert (reply.status, reply.dtype, reply.touched, reply.aliased) == ("ok", "float32", (), ())
    assert reply.value.dtype == np.float64
    assert np.array_equal(reply.value, reply.value.astype(np.float32))
    assert np.allclose(reply.value, np.exp(x) / np.exp(x).sum(), rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("name", "layout", "touched", "aliased"),
    [
        ("overwrites", "contiguous", ("x",), ()),
        ("overwrites", "strided", ("x",), ()),
        ("overwrites_around", "sliced", ("x",), ()),
        ("reshapes", "contiguous", ("x",), ()),
        ("returns_a_view", "contiguous", (), ("x",)),
        ("returns_a_view", "sliced", (), ("x",)),
    ],
)
@pytest.mark.parametrize("mode", ["worker", "in_process"])
def test_touched_and_aliased(name, layout, touched, aliased, mode, request):
    """An argument written to, or handed back."""
    reply = behave(request.getfixturevalue(mode), name, layout)

    assert (reply.status, reply.touched, reply.aliased) == ("ok", touched, aliased)


@pytest.mark.parametrize("mode", ["worker", "in_process"])
@pytest.mark.parametrize(
    ("second", "layout", "same"), [((2, 3), "contiguous", 1.0), ((3, 3), "contiguous", 0.0), ((2, 3), "strided", 0.0)]
)
def test_a_sequence_overwrites_in_place(second, layout, same, mode, request):
    """The same object with new contents, unless shape or layout differ; and never across two sequences."""
    ones, adapter = np.ones(3), request.getfixturevalue(mode)

    def norm(value, shape, layout):
        arrays = {"x": np.full(shape, value), "gain": ones, "bias": ones}
        return Call("layer_norm", arrays, {}, "float64", {"x": layout})

    first, last = adapter.sequence([norm(1.0, (2, 3), "contiguous"), norm(2.0, second, layout)])
    (fresh,) = adapter.sequence([norm(3.0, second, layout)])

    assert first.value.tolist() == [0.0, 1.0]
    assert last.value.tolist() == [same, 2.0]
    assert fresh.value.tolist() == [0.0, 3.0]


@pytest.mark.parametrize("mode", ["worker", "in_process"])
def test_the_gradient_of_the_adapter_itself(mode, request):
    """Numpy has none; `softmax_vjp` gives it, and must give one for each argument."""
    adapter, x = request.getfixturevalue(mode), np.array([[0.0, 1.0, 2.0]])
    ones = np.ones((1, 3))

    one = adapter.call("softmax", {"x": x}, dtype="float64", cotangent=np.array([[1.0, 0.0, 0.0]]))
    several = adapter.call("softmax", {"x": np.repeat(x, 2, 0)}, dtype="float64", cotangent=np.repeat(ones, 2, 0))
    norm = adapter.call("layer_norm", {"x": x, "gain": x[0], "bias": x[0]}, dtype="float64", cotangent=ones)

    assert adapter.offer.gradients == ("softmax",)
    p = np.exp(x) / np.exp(x).sum()
    assert np.allclose(one.gradients["x"], p[0, 0] * (np.eye(3)[:1] - p), rtol=1e-12)
    assert (several.status, "2 gradients, where 1 are due: x" in several.message) == ("malformed", True)
    assert (norm.status, norm.message[:30]) == ("unsupported", "numpy does not differentiate; ")


def test_a_large_message_to_a_hung_program_times_out(worker):
    """Neither end may wait for the other for ever."""
    x = np.full((1, 2_000_000), float(NAMES.index("hangs")))
    started = time.monotonic()
    replies = worker.sequence([Call("softmax", {"x": x}, {}, "float64")] * 2)

    assert [reply.status for reply in replies] == ["timeout", "timeout"]
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("arrays", "options", "says"),
    [
        ({"y": np.ones(3)}, {}, "no array 'y'"),
        ({"x": np.ones(3)}, {"axis": 1}, "no option 'axis'"),
        ({}, {}, "without 'x'"),
        ({"x": np.full(3, 0.1)}, {}, "not representable in float32"),
    ],
)
def test_a_mistake_of_the_judge_raises(worker, arrays, options, says):
    """It is no verdict on the implementation."""
    with pytest.raises(ValueError, match=says):
        worker.call("softmax", arrays, options, dtype="float32")


def test_a_program_in_another_language():
    """It needs the protocol only."""
    command = shlex.join([sys.executable, str(HERE / "foreign.py")])
    with contextlib.closing(open_adapter(f"exec:{command}")) as adapter:
        reply = adapter.call("softmax", {"x": np.array([[0.0, 0.0]])}, dtype="float32")

    assert (adapter.offer.name, adapter.offer.version, adapter.offer.dtypes) == ("foreign", "7", ("float32",))
    assert (reply.status, reply.value.tolist()) == ("ok", [[0.5, 0.5]])


SPEAKER = (
    "import sys; from assay.adapters.message import write_message; "
    "[write_message(sys.stdout.buffer, header, {{}}) for header in {headers}]; sys.stdin.read()"
)


def speaker(*headers):
    """Write a program that says these headers, whatever it is asked."""
    return "exec:" + shlex.join([sys.executable, "-c", SPEAKER.format(headers=headers)])


@pytest.mark.parametrize(
    ("offer", "says"),
    [
        ({}, "must list the functions offered"),
        ({"functions": ["atention"]}, "did you mean 'attention'?"),
        ({"functions": ["softmax", "softmax_vjp"]}, "list 'softmax' in the field \"gradients\""),
        ({"functions": ["softmax"], "gradients": ["softmax_vjp"]}, "list 'softmax' in the field \"gradients\""),
        ({"functions": ["softmax"], "gradients": ["sofmax"]}, "did you mean 'softmax'?"),
        ({"functions": ["softmax"], "gradients": ["adam"]}, "names 'adam', which 'functions' does not"),
        ({"functions": ["softmax"], "layouts": 5}, "'layouts' of the handshake must be a list, not 5"),
        ({"functions": ["softmax"], "notes": "one"}, "'notes' of the handshake must be a list, not 'one'"),
        ({"functions": [{}]}, "{} is not a function of the contract"),
        ({"functions": ["softmax"], "conventions": []}, "conventions must be a dict"),
        ({"functions": ["softmax"], "numerics": {"float32": {"accumulate": {}}}}, "['accumulate'] is {}"),
        ({"functions": ["softmax"], "dtypes": [[]]}, "dtypes names [], which is not a dtype of assay"),
        ({"functions": ["softmax"], "sizes": []}, "sizes must be 'all' or 'few', not []"),
        ({"functions": ["softmax"], "name": 5}, "'name' of the handshake must be a string, not 5"),
        ({"functions": ["softmax"], "conventions": {"masked_row": 0}}, "must be 'zero', 'nan' or 'mean', not 0"),
        ({"functions": ["softmax"], "protocol": 2}, "does not speak assay's protocol 1"),
        ({"reply": "refused", "message": "no licence"}, "no licence"),
    ],
)
def test_an_offer_is_checked(offer, says):
    """Another program's mistakes get the sentences that a file's get."""
    with pytest.raises(AdapterError) as raised:
        open_adapter(speaker({"reply": "offer", "protocol": 1} | offer))
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ({"id": 2}, "request 1 was answered with id 2"),
        ({"id": 1}, "neither a result nor a reason"),
        ({"id": 1, "touched": 5}, "'touched' of a reply must be a list of arguments, not 5"),
    ],
)
def test_a_reply_is_checked(reply, says):
    """It is the case that fails, not the run."""
    offer = {"reply": "offer", "protocol": 1, "functions": ["softmax"]}
    with contextlib.closing(open_adapter(speaker(offer, {"reply": "ok"} | reply))) as adapter:
        said = adapter.call("softmax", {"x": np.ones(2)}, dtype="float32")

    assert said.status == "malformed"
    assert says in said.message


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("exec:", "needs a command"),
        ("exec:/no/such/program", "cannot be run: No such file or directory: /no/such/program"),
        (f"exec:{shlex.quote(sys.executable)} -c 'print(1234567890123)'", "did not start: a message cannot begin with"),
        (
            f"exec:{shlex.quote(sys.executable)} -c 'raise SystemExit(5)'",
            "did not start: the program exited with status 5",
        ),
    ],
)
def test_a_program_that_cannot_be_used(command, says):
    """One sentence each."""
    with pytest.raises(AdapterError) as raised:
        open_adapter(command)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@POSIX
def test_a_program_that_waits_to_be_spoken_to_is_told_that_it_speaks_first():
    """And the time-out counts for its start."""
    began = time.monotonic()
    with pytest.raises(AdapterError) as raised:
        open_adapter("exec:cat", timeout=0.5)
    due = "the program gave no answer within 0.5 s; assay waits for the offer: the program speaks first"
    assert str(raised.value) == f"exec:cat did not start: {due}"
    assert time.monotonic() - began < 20
