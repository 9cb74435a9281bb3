"""What an import changes for everybody in its process is said."""

import contextlib

import pytest

from assay.adapters import open_adapter

SOFTMAX = "\ndef softmax(x):\n    return x\n"


@pytest.fixture
def notes(tmp_path):
    """Give the notes of an adapter that begins with a program."""

    def of(program):
        file = tmp_path / "mine.py"
        file.write_text(program + SOFTMAX, encoding="utf-8")
        with contextlib.closing(open_adapter(str(file))) as adapter:
            return list(adapter.offer.notes)

    return of


@pytest.mark.parametrize(
    ("program", "note"),
    [
        ("import os; os.chdir('/')", "importing it changes the working directory"),
        ("import sys; sys.setrecursionlimit(5000)", "importing it changes the limit of recursion"),
        (
            "import numpy; numpy.seterr(all='ignore')",
            "importing it changes numpy's handling of floating-point errors",
        ),
        ("import numpy; numpy.exp = lambda x: x", "importing it changes numpy.exp"),
        ("import time; time.sleep = print", "importing it changes time.sleep"),
        ("import builtins; builtins.oct = hex", "importing it changes builtins.oct"),
        (
            "import torch; torch.set_default_dtype(torch.float64); framework = 'torch'",
            "it sets torch's default dtype to torch.float64",
        ),
        (
            "import torch; torch.set_float32_matmul_precision('medium'); framework = 'torch'",
            "it sets torch's precision of float32 products to medium",
        ),
    ],
)
def test_what_an_import_changes_is_a_note(notes, program, note):
    assert notes(program) == [note]


@pytest.mark.parametrize("program", ["", "import numpy", "import torch; framework = 'torch'", "notes = ('mine',)"])
def test_what_changes_nothing_has_no_note(notes, program):
    assert notes(program) == ["mine"] * ("mine" in program)


def test_a_working_directory_that_is_gone_is_no_reason_not_to_start(tmp_path, monkeypatch):
    file, folder = tmp_path / "mine.py", tmp_path / "gone"
    file.write_text(SOFTMAX, encoding="utf-8")
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()

    with contextlib.closing(open_adapter(str(file))) as adapter:
        assert adapter.offer.notes == ()
