"""The judge's side: open an adapter, call it, get a reply whatever happens.

    with contextlib.closing(open_adapter("torch")) as adapter:
        reply = adapter.call("softmax", {"x": values}, dtype="float32")

Mistakes of the caller raise; what the implementation does, never.
"""

import shlex
import sys
from dataclasses import dataclass

from .accepting import accepted, declarations
from .adapter import Adapter
from .client import WorkerAdapter
from .declaration import AdapterError


@dataclass(frozen=True)
class Opening:
    """How an adapter is opened."""

    spec: str
    """What names it: a built-in or registered name, a file, a module, or `exec:` and a command."""
    component: str | None = None
    """What a bare function is."""
    framework: str | None = None
    """Whose arrays a bare function takes."""
    timeout: float = 60.0
    """The seconds that a call may take."""
    in_process: bool = False
    """Whether it runs in this process, for debuggers."""
    sandbox: bool = False
    """Whether it has no network, and can write to no folder but its own."""
    limit: int | None = None
    """The bytes of memory beyond which its process is ended; half of what is free, if it is None."""
    precision_class: int = 3
    """The last precision class that is accepted."""
    declare: str | None = None
    """The file whose declarations stand in place of the adapter's."""

    @property
    def words(self) -> list[str]:
        """The options of `assay replay` that open it again."""
        # A name that begins as an option does would be taken for one.
        named = [f"--adapter={self.spec}"] if self.spec.startswith("-") else ["--adapter", self.spec]
        words = [] if self.spec == "torch" else named
        words += ["--as", self.component] if self.component else []
        words += ["--framework", self.framework] if self.framework else []
        words += ["--timeout", f"{self.timeout:g}"] if self.timeout != Opening.timeout else []
        words += ["--limit", str(self.limit)] if self.limit is not None else []
        words += ["--class", str(self.precision_class)] if self.precision_class != Opening.precision_class else []
        words += [f"--declare={self.declare}"] if self.declare is not None else []
        return words + ["--in-process"] * self.in_process + ["--sandbox"] * self.sandbox

    def open(self) -> Adapter:
        """Open it; `AdapterError`, one sentence, if it cannot be."""
        declared = declarations(self.declare)
        adapter = self._opened()
        adapter.offer = accepted(adapter.offer, declared, self.precision_class)
        return adapter

    def _opened(self) -> Adapter:
        if self.in_process and self.sandbox:
            raise AdapterError("--sandbox is for a process of the adapter's own; leave out --in-process")
        if self.spec.startswith("exec:"):
            return WorkerAdapter(self._program(), self.spec, self.timeout, sealed=self.sandbox, limit=self.limit)
        if self.in_process:
            from .in_process import InProcessAdapter
            from .loading import load

            return InProcessAdapter(load(self.spec, self.component, self.framework))
        # -P: the folder where the judge stands, which may hold a torch.py, is not on the worker's path.
        command = [sys.executable, "-P", "-m", f"{__package__}.worker"]
        command += ["--as", self.component] if self.component else []
        command += ["--framework", self.framework] if self.framework else []
        return WorkerAdapter(command, self.spec, self.timeout, sealed=self.sandbox, limit=self.limit)

    def _program(self) -> list[str]:
        """Return the command of a program in another language."""
        if self.in_process or self.component or self.framework:
            raise AdapterError(f"{self.spec} is another program: --in-process, --as and --framework cannot apply to it")
        # On Windows a backslash belongs to the path.
        try:
            command = shlex.split(self.spec.removeprefix("exec:"), posix=sys.platform != "win32")
        except ValueError as error:
            raise AdapterError(f"{self.spec} is no command: {error}") from None
        if not command:
            raise AdapterError("exec: needs a command, for example exec:./my_program")
        return command


def open_adapter(
    spec: str,
    *,
    component: str | None = None,
    framework: str | None = None,
    timeout: float = Opening.timeout,
    in_process: bool = False,
    sandbox: bool = False,
    limit: int | None = None,
) -> Adapter:
    """Open the adapter that `spec` names; `AdapterError`, one sentence, if it cannot be."""
    return Opening(spec, component, framework, timeout, in_process, sandbox, limit).open()
