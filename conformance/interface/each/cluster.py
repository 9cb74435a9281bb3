"""Judges of a cluster: each kernel is a task of Ray (`pip install 'assay[ray]'`), and its report comes back.

A task hands its kernel to a server of its own node, as `judges.py` does here, and waits; the server lives as long as
Ray's process does. What is on the node is compared with what is here, byte by byte: the file of an adapter that is not
there, or is another, goes along.
"""

import contextlib
import dataclasses
import importlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ....adapters.foreign_text import visible
from ..options import UsageError
from ..resuming import file_of
from ..session import cores
from .judges import Job, Local, read_if_there
from .row import Ended

LOCAL: Final = "local"
"""Ray's own word for a cluster of this machine alone."""
_RETRIES: Final = 3
"""How often Ray begins a task again whose node, or process, has died."""
_AT_ONCE: Final = 1000
"""Tasks that wait for a place at once: as many as a cluster that grows can have use for."""
_DEVICES: Final = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ONEAPI_DEVICE_SELECTOR")
"""Variables by which Ray gives a task its accelerators, which may be others than those of the task before."""
_WAIT: Final = 5.0


class Cluster:
    """The nodes of a cluster that somebody has started, or this machine as one."""

    def __init__(self, address: str, room: int | None, gpus: float, files: Sequence[str]) -> None:
        """Join it; of `files`, the options speak. `UsageError`, one sentence, if it cannot be reached."""
        try:
            # Neither a network nor a person is told that it is used.
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
            self._ray = importlib.import_module("ray")
        except ImportError:
            raise UsageError("--ray needs Ray, which is not installed: pip install 'assay[ray]'") from None
        settings: dict[str, Any] = {"num_cpus": room or cores(), "include_dashboard": False} if address == LOCAL else {}
        try:
            self._ray.init(address=address, log_to_driver=False, logging_level="ERROR", **settings)
        except Exception as error:  # Ray's own, and those of what it is made of
            raise UsageError(f"--ray {address} cannot be reached: {_said(error)}") from None
        self.room = room if room and address != LOCAL else _AT_ONCE
        self._task = self._ray.remote(num_cpus=1, num_gpus=gpus, max_retries=_RETRIES)(judged)
        self._files = list(files)
        # Ray ends what its processes have started, and leaves it no time to remove its folders.
        self._place = tempfile.TemporaryDirectory(prefix="assay-each-", ignore_cleanup_errors=True)
        self._shared = self._place.name if address == LOCAL else None
        self._at_work: dict[Any, int] = {}

    def start(self, job: Job) -> None:
        """Hand a kernel over, with the files that it takes."""
        sent = {
            name: data for name in (file_of(job.spec), *self._files) if name and (data := read_if_there(Path(name)))
        }
        asked = dataclasses.replace(job, folder=str(Path.cwd()))
        self._at_work[self._task.remote(dataclasses.asdict(asked), sent, self._shared)] = job.number

    def ended(self, timeout: float) -> list[Ended]:
        """Wait for tasks that have ended; `UsageError`, one sentence, if the cluster has gone."""
        try:
            return self._ended(timeout)
        except Exception as error:  # Ray's own, and those of what it is made of
            raise UsageError(f"the cluster of --ray was lost, and the same command goes on: {_said(error)}") from None

    def _ended(self, timeout: float) -> list[Ended]:
        ready, _ = self._ray.wait([*self._at_work], num_returns=1, timeout=timeout)
        more = [each for each in self._at_work if each not in ready] if ready else []
        if more:
            ready += self._ray.wait(more, num_returns=len(more), timeout=0)[0]
        return [self._taken(each, self._at_work.pop(each)) for each in ready]

    def _taken(self, task: Any, number: int) -> Ended:
        try:
            return Ended(**self._ray.get(task))
        except self._ray.exceptions.RayError as error:
            return Ended(number, 70, log=f"the task of Ray was lost: {_said(error)}")

    def close(self) -> None:
        """End every task; of a cluster of this machine, all of it."""
        with contextlib.suppress(Exception):
            for task in self._at_work:
                self._ray.cancel(task, force=True)
        self._ray.shutdown()
        self._place.cleanup()


def _said(error: Exception) -> str:
    """Return in a line what an error says."""
    return visible(" ".join(str(error).split()) or type(error).__name__, 300)


_servers: list[Local] = []
"""The server of this process of Ray, once it has had a task."""


def judged(asked: Mapping[str, Any], files: Mapping[str, bytes], place: str | None = None) -> dict[str, Any]:
    """Judge a kernel on this node: what a task does. What it needs for a time lies in `place`, if that is given."""
    if not _servers:
        _servers.append(Local(1, beside=cores(), place=place))
    (server,) = _servers
    devices = {name: os.environ[name] for name in _DEVICES if name in os.environ}
    with _laid_out(asked["folder"], files) as (folder, names):
        spec = asked["spec"]
        for file, name in names.items():
            if spec.startswith(file):
                spec = name + spec.removeprefix(file)
        server.start(Job(**{**asked, "spec": spec, "folder": folder, "environment": devices}))
        while True:
            for ended in server.ended(_WAIT):
                return dataclasses.asdict(ended)


@contextlib.contextmanager
def _laid_out(folder: str, files: Mapping[str, bytes]) -> Iterator[tuple[str, dict[str, str]]]:
    """Give a folder from where all files can be seen by their names, and new names of those for which that is no way.

    It is the folder of whoever asks, if that is here with the same files.
    """
    if Path(folder).is_dir() and all(read_if_there(Path(folder, name)) == data for name, data in files.items()):
        yield folder, {}
        return
    with tempfile.TemporaryDirectory(prefix="assay-kernel-") as made:
        names: dict[str, str] = {}
        for name, data in files.items():
            if read_if_there(Path(made, name)) == data:  # the name leads to the same file here
                continue
            place = Path(made, name)
            if not place.resolve().is_relative_to(Path(made).resolve()):
                names[name] = place.name
                place = Path(made, place.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        yield made, names
