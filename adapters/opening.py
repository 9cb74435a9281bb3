"""The judge's side: open an adapter, call it, get a reply whatever happens.

    with contextlib.closing(open_adapter("torch")) as adapter:
        reply = adapter.call("softmax", {"x": values}, dtype="float32")

Mistakes of the caller raise; what the implementation does, never.
"""

import shlex
import sys

from .adapter import Adapter
from .client import WorkerAdapter
from .declaration import AdapterError


def open_adapter(
    spec: str,
    *,
    component: str | None = None,
    framework: str | None = None,
    timeout: float = 60.0,
    in_process: bool = False,
) -> Adapter:
    """Open the adapter that `spec` names; `AdapterError`, one sentence, if it cannot be."""
    if spec.startswith("exec:"):
        if in_process or component or framework:
            raise AdapterError(f"{spec} is another program: --in-process, --as and --framework cannot apply to it")
        # On Windows a backslash belongs to the path.
        command = shlex.split(spec.removeprefix("exec:"), posix=sys.platform != "win32")
        if not command:
            raise AdapterError("exec: needs a command, for example exec:./my_program")
        return WorkerAdapter(command, spec, timeout)
    if in_process:
        from .in_process import InProcessAdapter
        from .loading import load

        return InProcessAdapter(load(spec, component, framework))
    # -P: the folder where the judge stands, which may hold a torch.py, is not on the worker's path.
    command = [sys.executable, "-P", "-m", f"{__package__}.worker", spec]
    command += ["--as", component] if component else []
    command += ["--framework", framework] if framework else []
    return WorkerAdapter(command, spec, timeout)
