"""A run of one adapter: a pytest session of our own around the items of the plugin.

It reads no configuration but its own, and leaves nothing behind: the only folder it needs is a temporary one.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from ...adapters import Adapter
from ..judging.result import Result, result_from_json
from . import plugin
from .report import Report

# Each worker of xdist has a judge and an implementation; more threads than cores make all of them slower.
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

# glibc gives what is freed back to the system at once, and each page that is taken again costs as much as computing on
# it: a fifth of a run.
_MEMORY: Final = {"MALLOC_TRIM_THRESHOLD_": str(2**28), "MALLOC_MMAP_THRESHOLD_": str(2**25)}


class Conductor:
    """Tells the session what to judge, and hears of every result, wherever it was found."""

    def __init__(self, report: Report, adapter: Adapter, heard: Callable[[Result], None]) -> None:
        """`heard` is called for each result as it comes."""
        self._report, self._adapter, self._heard = report, adapter, heard
        self.lines = {line.name: line for line in report.left}
        self.errors: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Hand over the plan, and the adapter that is open already."""
        report = self._report
        judged = plugin.Judged(
            report.opening,
            list(self.lines.values()),
            report.profile,
            report.seed,
            list(map(dict, report.shapes)),
            report.memory,
        )
        config.stash[plugin.JUDGED] = [judged]
        config.stash[plugin.OPENED] = {report.opening: self._adapter}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in what an item left."""
        found = dict(report.user_properties).get(plugin.PROPERTY)
        if report.when == "call" and isinstance(found, str):
            result = result_from_json(json.loads(found))
            self._report.add(self.lines[report.nodeid.rpartition("::")[2]], result)
            self._heard(result)
        elif report.failed:
            self.errors.append(report.longreprtext)

    def pytest_keyboard_interrupt(self) -> None:
        """Note the end; the report of what was done is written all the same."""
        self._report.interrupted = True

    def pytest_internalerror(self, excrepr: object) -> None:
        """Note a mistake of ours."""
        self.errors.append(str(excrepr))


def run(report: Report, adapter: Adapter, heard: Callable[[Result], None], workers: str = "0") -> list[str]:
    """Judge every line of the report that is due; return what went wrong with the judge itself.

    What explains a failure is judged in a session of its own, when the others have ended: whichever process has
    judged what, the same lines are due then.
    """
    errors: list[str] = []
    while report.left and not (errors or report.interrupted):
        errors = _session(report, adapter, heard, workers)
    return errors


def _session(report: Report, adapter: Adapter, heard: Callable[[Result], None], workers: str) -> list[str]:
    """Judge the lines that are left."""
    conductor = Conductor(report, adapter, heard)
    with tempfile.TemporaryDirectory(prefix="assay-") as folder, pytest.MonkeyPatch.context() as patch:
        ini = Path(folder, "assay.ini")
        ini.write_text("[pytest]\n", encoding="utf-8")
        _isolate(patch, workers)
        arguments = ["-p", "xdist.plugin", "-p", plugin.__name__, "-p", "no:cacheprovider", "-p", "no:terminal"]
        arguments += ["--capture=no", "-W", "ignore", "-n", workers, "--dist", "worksteal"]
        arguments += ["-c", str(ini), "--rootdir", folder, "--basetemp", str(Path(folder, "basetemp")), folder]
        pytest.main(arguments, [conductor])
    if any(line not in report.judged for line in conductor.lines.values()):
        report.interrupted = True
    return conductor.errors


def _isolate(patch: pytest.MonkeyPatch, workers: str) -> None:
    """Load no plugins but ours, and use no more threads than cores, in this session and the processes it starts."""
    patch.setattr(sys, "path", [*sys.path])
    patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    # A PYTEST_ADDOPTS of the user's own suite has no business here.
    patch.delenv("PYTEST_ADDOPTS", raising=False)
    cores = os.cpu_count() or 1
    count = cores if workers == "auto" else max(int(workers), 1)
    for name in _THREADS:
        if count > 1 and name not in os.environ:
            patch.setenv(name, str(max(cores // count, 1)))
    for name, size in _MEMORY.items():
        if name not in os.environ:
            patch.setenv(name, size)
