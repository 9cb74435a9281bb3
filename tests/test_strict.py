"""What was written to pass: late values, calls after thousands, results that are held, memory that is spoilt."""

import contextlib
import json
import platform

import numpy as np
import pytest
from conftest import RIGHT

from assay.adapters import Call, open_adapter
from assay.conformance import judge
from assay.conformance.cases.profiles import PROFILES, seed_for
from assay.conformance.judging.plan import Selection, in_turn, plan

AFTER_MANY_CALLS = """
import numpy as np
count = 0

def softmax(x):
    global count
    count += 1
    e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    return e / e.sum(-1, keepdims=True) * (count < 5000)
"""


@pytest.fixture
def judged(tmp_path):
    """Judge a softmax by its program."""

    def run(program, **how):
        file = tmp_path / "mine.py"
        file.write_text(program, encoding="utf-8")
        return judge(str(file), clauses="ALL-1", **how)

    return run


def test_what_shows_at_the_end_is_said_to(judged):
    assert judged(AFTER_MANY_CALLS).verdict == "conforms"
    (result,) = judged(AFTER_MANY_CALLS, profile="strict").failures
    message = result.failure.message
    assert message.startswith(
        "asked again at the end of the run, with other values: it is right by itself, in a new process"
    )
    assert "the value is wrong: result[" in message


def test_a_right_one_is_asked_again_and_conforms(judged):
    report = judged(RIGHT, profile="strict")

    assert report.verdict == "conforms"
    assert len(report.asked_again) == 1
    assert [result.clause for result in report.results if result.status == "pass"] == ["ALL-1"]


def test_the_strict_profile_draws_a_seed_once_the_adapter_is_open(judged):
    several = [judged(RIGHT, profile="strict") for _ in range(2)]

    assert several[0].seed != several[1].seed
    assert [report.as_json()["inputs"] for report in several] == ["drawn late"] * 2
    assert judged(RIGHT).as_json()["inputs"] == "public"


def test_its_seed_repeats_it(judged):
    first = judged(AFTER_MANY_CALLS, profile="strict").as_json()
    again = judged(AFTER_MANY_CALLS, profile="strict", seed=first["seed"]).as_json()

    assert again["inputs"] == "public"
    strip = lambda report: [{**each, "seconds": 0} for each in report["results"]]  # noqa: E731
    assert strip(first) == strip(again)


@pytest.mark.parametrize(
    ("profile", "asked", "late"), [("quick", None, False), ("quick", "random", True), ("strict", 7, False)]
)
def test_when_a_seed_is_drawn(profile, asked, late):
    assert seed_for(profile, asked)[1] is late


def test_what_is_asked_again_comes_last():
    with contextlib.closing(open_adapter("torch")) as adapter:
        lines = in_turn(plan(adapter.offer, Selection(("softmax", "layer_norm")), PROFILES["strict"]))

    again = [line.again for line in lines]
    assert again == sorted(again)
    assert sum(again) == 2 * 2 * len(adapter.offer.dtypes)
    assert len({line.name for line in lines}) == len(lines)


def test_results_that_are_kept_are_looked_at_again(tmp_path):
    file = tmp_path / "mine.py"
    program = "import numpy as np\nb = np.zeros((1, 2), np.float32)\n\ndef softmax(x):\n    b[...] = x\n    return b\n"
    file.write_text(program, encoding="utf-8")
    calls = [Call("softmax", {"x": np.full((1, 2), value)}, dtype="float32") for value in (1.0, 2.0)]
    with contextlib.closing(open_adapter(str(file))) as adapter:
        first, second = adapter.sequence(
            [Call(**{**vars(call), "results": how}) for call, how in zip(calls, ("keep", "look"), strict=True)]
        )

    assert (first.value == 1).all()
    assert (second.value == 2).all()
    assert (second.again["result"] == 2).all()
    assert (second.later["result"] == 2).all()


NUMPY_EMPTY = "import numpy as np\n\ndef softmax(x):\n    return np.empty(x.shape, x.dtype)\n"
TORCH_EMPTY = "import torch\nframework = 'torch'\n\ndef softmax(x):\n    return torch.empty(x.shape, dtype=x.dtype)\n"


@pytest.mark.parametrize("shape", [(1, 2), (3, 7), (40, 50), (500, 600)])
@pytest.mark.parametrize("program", [NUMPY_EMPTY, TORCH_EMPTY])
def test_memory_that_is_not_written_is_not_right_by_luck(tmp_path, program, shape):
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("only glibc fills what it gives out")
    file = tmp_path / "mine.py"
    file.write_text(program, encoding="utf-8")
    with contextlib.closing(open_adapter(str(file))) as adapter:
        reply = adapter.call("softmax", {"x": np.zeros(shape)}, dtype="float32")

    # A few bytes at its beginning may be the C library's own.
    far_off = np.isnan(reply.value) | (np.abs(reply.value) > 1e30)
    assert np.count_nonzero(~far_off) <= 8


def test_the_command_says_that_the_seed_was_drawn(terminal):
    file = terminal.write("mine.py", RIGHT)
    done = terminal.assay(
        "run", file, "--component", "softmax", "--clause", "ALL-1", "--seed", "random", "--json", "r.json"
    )

    seed = json.loads((terminal.cwd / "r.json").read_text(encoding="utf-8"))["seed"]
    assert f"seed {seed}, drawn after it was loaded" in done.stdout
