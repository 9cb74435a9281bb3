"""One case again: small arrays are shown, all are kept where that is asked for, and nothing else is overwritten."""

import contextlib
import re

import numpy as np
import pytest

from assay.adapters import open_adapter, open_object
from assay.conformance.components import COMPONENTS, parse_case
from assay.conformance.interface.case_arrays import arrays_of, npz
from assay.conformance.interface.command_line import main
from assay.conformance.interface.replaying import replay
from assay.conformance.interface.terminal import Screen
from assay.conformance.terms.subject import Subject
from assay.conformance.terms.trial import Trial

SOFTMAX = "softmax?dtype=float32&rows=1&n=3&regime=normal&layout=contiguous&seed=7"


def softmax(x):
    e = np.exp(x)
    return e / e.sum(-1, keepdims=True)


def mine():
    return open_object(type("Mine", (), {"dtypes": ("float32",), "softmax": staticmethod(softmax)})(), "mine")


@pytest.fixture(scope="module")
def torch():
    with contextlib.closing(open_adapter("torch", in_process=True)) as adapter:
        yield adapter


def test_small_arrays_are_shown_whole_and_large_ones_by_their_shapes(capsys):
    replay(Screen(), mine(), SOFTMAX, "ALL-1")
    small = capsys.readouterr().out
    replay(Screen(), mine(), SOFTMAX.replace("n=3", "n=65"), "ALL-1")
    large = capsys.readouterr().out

    assert re.search(r"^x +\[\[-2\.19659114, 0\.503130972, 0\.159292921\]\]$", small, re.MULTILINE)
    assert re.search(r"^expected result +\[\[0\.0378457492, 0\.562978129, 0\.399176122\]\]$", small, re.MULTILINE)
    assert re.search(r"^result +array of shape \(1, 65\)$", large, re.MULTILINE)
    assert "expected result" not in large


def test_gradients_are_shown_where_the_clause_asks_for_them(torch, capsys):
    shown = []
    for clause in ("GRAD-1", "ALL-1"):
        assert replay(Screen(), torch, SOFTMAX, clause) == 0
        shown.append(capsys.readouterr().out)

    backwards, forwards = shown
    assert re.search(r"^cotangent\.result +\[\[", backwards, re.MULTILINE)
    assert re.search(r"^gradient\.x +actual +expected", backwards, re.MULTILINE)
    assert "gradient" not in forwards
    assert "cotangent" not in forwards


def test_what_is_kept_is_what_was_compared(torch, tmp_path):
    file = tmp_path / "case.npz"
    replay(Screen(), torch, SOFTMAX, "GRAD-1", save=file)
    kept = np.load(file)

    assert (kept["case"], kept["dtype"]) == (SOFTMAX, "float32")
    assert np.array_equal(
        kept["x"], parse_case(SOFTMAX) and COMPONENTS["softmax"].make(parse_case(SOFTMAX)).arrays["x"]
    )
    exact = np.exp(kept["x"]) / np.exp(kept["x"]).sum()
    assert np.allclose(kept["expected.result"], exact, rtol=1e-14)
    for name in ("result", "gradient.x"):
        error = np.abs(kept[f"actual.{name}"] - kept[f"expected.{name}"])
        assert (error <= kept[f"bound.{name}"]).all()
        assert (kept[f"bound.{name}"] > 0).all()
    assert kept["cotangent.result"].shape == (1, 3)


@pytest.mark.parametrize("name", sorted(COMPONENTS))
def test_every_component_can_be_kept_without_pickle(name, torch, tmp_path):
    component = COMPONENTS[name]
    offered = name in torch.offer.functions
    case = component.plainest("float32" if component.has_dtype else "")
    file = tmp_path / "case.npz"
    file.write_bytes(npz(arrays_of(Trial(Subject(torch), component, case), backward=offered)))

    kept = dict(np.load(file, allow_pickle=False))
    assert next(iter(kept)) == "case"
    assert ("actual.result" in kept) == offered


def test_only_a_file_of_ours_is_overwritten(tmp_path, capsys):
    ours, other = tmp_path / "case.npz", tmp_path / "weights.npz"
    np.savez(other, weights=np.zeros(3))
    before = other.read_bytes()
    asked = ["replay", SOFTMAX, "--in-process", "--clause", "ALL-1", "--save"]
    for _ in range(2):
        with pytest.raises(SystemExit) as ended:
            main([*asked, str(ours)])
        assert ended.value.code == 0
    with pytest.raises(SystemExit) as ended:
        main([*asked, str(other)])

    assert ended.value.code == 2
    assert "would overwrite what is no report" in capsys.readouterr().err
    assert other.read_bytes() == before
