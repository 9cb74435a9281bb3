"""What keeps an implementation away from the judge: where it is started, and what it can reach from there.

On every system it gets a session, a folder for temporary files and an environment of its own, and no descriptor but
its three streams. On Linux, as far as the kernel grants it without privileges, `enter.py` makes a namespace in which
the oracle and the conformance suite are empty folders and Python's packages cannot be changed, and uses Landlock so
that no process outside can be traced or be sent a signal. `docs/sandbox.md` has the table of what holds where.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

_ENTER: Final = Path(__file__).with_name("enter.py")
_ASSAY: Final = Path(__file__).parent.parent.parent

_BESIDE: Final = ("oracle", "conformance", "benchmarks", ".git", "build", "dist")
"""What lies beside the adapters, here or in a checkout, and holds formulas or bounds."""

_VARIANTS: Final = "assay.conformance.variants"
"""assay's own implementations, whose verdict is known."""


def hidden_from(spec: str) -> tuple[str, ...]:
    """List the folders with which the implementation that `spec` names has no business."""
    own = ("conformance",) if spec.partition(":")[0] == _VARIANTS else ()
    return tuple(str(_ASSAY / name) for name in _BESIDE if name not in own and (_ASSAY / name).is_dir())


SEALED: Final = (
    "the judge's files cannot be read",
    "the judge's files cannot be changed",
    "no network",
    "no writing elsewhere",
)
"""What `--sandbox` promises; a system that does not grant it cannot have it."""

_TELLING: Final = ("PYTEST_", "ASSAY_", "COV_", "COVERAGE_")
"""How names of variables begin that only a judge sets."""


class Confined:
    """A program that runs confined, with what belongs to it."""

    def __init__(
        self,
        command: Sequence[str],
        hidden: Sequence[str],
        sealed: bool,
        errors: IO[bytes],
        *,
        output: IO[bytes] | int = subprocess.PIPE,
        filled: bool = True,
        descriptors: Sequence[int] = (),
    ) -> None:
        """Start it, where folders are hidden; OSError if there is no such program.

        `sealed` leaves it no network, and no folder to write to but its own; memory that it gets is `filled`. It has
        no descriptors but its three streams and those given.
        """
        self._output, self._filled, self._descriptors = output, filled, descriptors
        self._folder = Path(tempfile.mkdtemp(prefix="work-"))
        self._life = -1
        self.holds: tuple[str, ...] = ()
        try:
            self.process = self._started(command, hidden, sealed, errors)
        except BaseException:
            self.end()
            raise

    def _started(
        self, command: Sequence[str], hidden: Sequence[str], sealed: bool, errors: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": self._output, "stderr": errors}
        environment = _environment(self._folder, sealed, self._filled)
        if os.name != "posix":
            return subprocess.Popen(command, env=environment, **streams)
        (life, self._life), (said, report) = os.pipe(), os.pipe()
        plan = {
            "hidden": list(hidden),
            "unwritable": _packages(),
            "writable": [str(self._folder)] if sealed else None,
            "life": life,
            "report": report,
        }
        enter = [sys.executable, "-I", "-S", str(_ENTER), json.dumps(plan)]
        try:
            kept = (life, report, *self._descriptors)
            process = subprocess.Popen(
                [*enter, *command], env=environment, start_new_session=True, pass_fds=kept, **streams
            )
        except BaseException:
            os.close(said)
            raise
        finally:
            os.close(life)
            os.close(report)
        with os.fdopen(said, encoding="utf-8") as lines:
            found: dict[str, Any] = {}
            for line in lines:
                found |= json.loads(line)
        if "errno" in found:
            with process:  # closes its streams
                pass
            raise OSError(found["errno"], os.strerror(found["errno"]), command[0])
        self.holds = tuple(found.get("holds", ()))
        return process

    def end(self) -> None:
        """End everything that it has started, and remove its folder."""
        if self._life >= 0:
            os.close(self._life)
            self._life = -1
        shutil.rmtree(self._folder, ignore_errors=True)


def _packages() -> list[str]:
    """List the folders of what the judge is made of: assay's own, and the packages of this Python."""
    own = [_ASSAY / name for name in ("adapters", "conformance", "oracle")]
    installed = [path for path in map(Path, sys.path) if path.name in ("site-packages", "dist-packages")]
    paths = {*own, *installed, Path(sysconfig.get_path("stdlib"))}
    found = sorted({path.resolve() for path in paths if path.is_dir()})
    # What lies within another is there already.
    return [str(path) for path in found if not any(other in path.parents for other in found)]


def _environment(folder: Path, sealed: bool, filled: bool) -> dict[str, str]:
    """Give the variables of the judge, without those that tell it apart, and with a folder of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_TELLING)}
    if filled:
        # glibc fills what it gives out with 0xFE, a number beyond 10^38 in every format: what an implementation does
        # not write cannot be right by luck, because the same answer lay there before.
        kept.setdefault("MALLOC_PERTURB_", "1")
        # Filling takes five times as long in small pages; numpy asks for large ones, but gets its memory filled
        # already.
        kept.setdefault("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
    own = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    if sealed:
        own |= dict.fromkeys(("HOME", "XDG_CACHE_HOME"), str(folder))
    return kept | own
