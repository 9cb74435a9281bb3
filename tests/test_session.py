"""What the processes of a run have in common: no more threads than cores."""

import ast
import os
import sys

import pytest
from conftest import RIGHT

from assay.conformance.interface.session import cores, isolate

NAMES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""The variables that numpy's and torch's libraries read."""


def test_judges_beside_each_other_share_the_cores(tmp_path, monkeypatch):
    monkeypatch.setenv("MKL_NUM_THREADS", "7")  # the user's own word counts
    for name in NAMES[:2]:
        monkeypatch.delenv(name, raising=False)
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch, 2, str(tmp_path))
        found = [os.environ.get(name) for name in NAMES]

    share = str(max(cores() // 2, 1))
    assert found == [share, share, "7"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process was started as")
def test_each_judge_of_many_is_a_fork_with_one_thread(terminal):
    """Libraries that had started threads would forbid the fork, which saves the imports of every judge."""
    for name in NAMES:
        terminal.environment.pop(name, None)
    asks = f"""
import os, pathlib
here = [pathlib.Path("/proc/self/cmdline").read_text(), *map(os.environ.get, {NAMES!r})]
pathlib.Path({str(terminal.files / "seen")!r}).write_text(repr(here))
"""
    file = terminal.write("kernel.py", asks + RIGHT)
    only = ("--component", "softmax", "--dtype", "float32", "--clause", "SM-1")
    done = terminal.assay("run", file, "--each", "--out", "out", "--in-process", *only)

    assert done.returncode == 0
    started_as, *threads = ast.literal_eval((terminal.files / "seen").read_text(encoding="utf-8"))
    assert "interface.each.server" in started_as
    assert threads == ["1", "1", "1"]
