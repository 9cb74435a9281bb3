"""A run of one adapter: a pytest session of our own around the items of the plugin.

It reads no configuration but its own, and leaves nothing behind: the only folder it needs is a temporary one.
"""

import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from ...adapters import Adapter
from ..judging.plan import Line
from ..judging.result import Result, result_from_json
from . import plugin
from .report import Report

# Each worker of xdist has a judge and an implementation; more threads than cores make all of them slower.
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclasses.dataclass(frozen=True)
class Options:
    """How to run, beyond what to judge."""

    spec: str
    component: str | None
    framework: str | None
    timeout: float
    in_process: bool
    workers: str
    """A number, or auto."""


class Conductor:
    """Hears of every result, wherever it was found."""

    def __init__(
        self, report: Report, options: Options, adapter: Adapter, heard: Callable[[Line, Result], None]
    ) -> None:
        """`heard` is called for each result as it comes."""
        self._report, self._options, self._adapter, self._heard = report, options, adapter, heard
        self.errors: list[str] = []

    def pytest_configure(self, config: pytest.Config) -> None:
        """Without xdist, this process judges with the adapter that is open already."""
        if self._options.workers == "0":
            config.stash.setdefault(plugin.OPENED, {})[self._options.spec] = self._adapter

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in what an item left."""
        found = dict(report.user_properties).get(plugin.PROPERTY)
        if report.when == "call" and isinstance(found, str):
            line = self._report.by_name(report.nodeid.rpartition("::")[2])
            result = result_from_json(json.loads(found))
            self._report.add(line, result)
            self._heard(line, result)
        elif report.failed:
            self.errors.append(report.longreprtext)

    def pytest_keyboard_interrupt(self) -> None:
        """The report of what was done is written all the same."""
        self._report.interrupted = True

    def pytest_internalerror(self, excrepr: object) -> None:
        """A mistake of ours."""
        self.errors.append(str(excrepr))


def run(report: Report, options: Options, adapter: Adapter, heard: Callable[[Line, Result], None]) -> list[str]:
    """Judge every line of the report that is offered; returns what went wrong with the judge itself."""
    lines = [line for line in report.lines if line.offered]
    if not lines:
        return []
    conductor = Conductor(report, options, adapter, heard)
    with tempfile.TemporaryDirectory(prefix="assay-") as folder:
        ini = Path(folder, "assay.ini")
        ini.write_text("[pytest]\n", encoding="utf-8")
        with _environment(options.workers):
            places = ["-c", str(ini), "--rootdir", folder, "--basetemp", str(Path(folder, "basetemp")), folder]
            pytest.main([*_arguments(report, options, lines), *places], [conductor])
    if len(report.results) < len(lines):
        report.interrupted = True
    return conductor.errors


def _arguments(report: Report, options: Options, lines: list[Line]) -> list[str]:
    selected = {
        "component": {line.component for line in lines},
        "dtype": {line.dtype for line in lines if line.dtype},
        "clause": {line.clause.id for line in lines},
    }
    arguments = ["-p", "xdist.plugin", "-p", plugin.__name__, "-p", "no:cacheprovider", "-p", "no:terminal"]
    arguments += ["--capture=no", "-W", "ignore", "-n", options.workers, "--dist", "worksteal"]
    arguments += [
        "--assay",
        options.spec,
        "--assay-offers",
        json.dumps({options.spec: dataclasses.asdict(report.offer)}),
    ]
    arguments += [f"--assay-{name}={','.join(sorted(values))}" for name, values in selected.items() if values]
    arguments += ["--assay-profile", report.profile, "--assay-seed", str(report.seed)]
    arguments += ["--assay-timeout", str(options.timeout)]
    arguments += ["--assay-in-process"] if options.in_process else []
    arguments += ["--assay-as", options.component] if options.component else []
    arguments += ["--assay-framework", options.framework] if options.framework else []
    return arguments


class _environment:  # noqa: N801 (a context manager reads as a verb)
    """No plugins but ours, and no more threads than cores, for this session and the processes it starts."""

    def __init__(self, workers: str) -> None:
        cores = os.cpu_count() or 1
        count = cores if workers == "auto" else max(int(workers), 1)
        self._set: dict[str, str] = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        if count > 1:
            self._set |= {name: str(max(cores // count, 1)) for name in _THREADS if name not in os.environ}
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> None:
        # A PYTEST_ADDOPTS of the user's own suite has no business here.
        self._before = {name: os.environ.get(name) for name in (*self._set, "PYTEST_ADDOPTS")}
        os.environ.update(self._set)
        os.environ.pop("PYTEST_ADDOPTS", None)
        self._path = list(sys.path)

    def __exit__(self, *_: Any) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        sys.path[:] = self._path
