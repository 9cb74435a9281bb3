"""Tricks and faults: each is an adapter that tries it, with the verdict that it must get.

`tests/test_reliability.py` runs each of them once, and docs/reliability.md shows what the user saw of it
(`benchmarks/reliability_page.py`). Beside the softmax that misbehaves, an adapter has a log-softmax that is right, and
shows whether everything else was judged.
"""

import contextlib
import importlib
import os
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from assay.adapters import open_adapter
from assay.adapters.declaration import UserError
from assay.conformance import judge

SOME = "assay.conformance.variants:softmax_plain"

BESIDE = """

def log_softmax(x):
    shifted = x.astype(np.float64) - x.max(-1, keepdims=True, initial=-np.inf)
    return (shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))).astype(x.dtype)


def right(x):
    e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    return e / e.sum(-1, keepdims=True)

"""


BESIDE_IT = {"pass": "yes", "not-offered": "-", "unsupported": "no more: its time is spent"}
"""By the status of its result."""


@dataclass(frozen=True)
class Trick:
    """An adapter that tries something, and what has to come of it."""

    does: str
    """What it does, as the page says it."""
    body: str = ""
    """What its softmax does with `x`; `right(x)` is a right one."""
    done: str = ""
    """What assay does about it, in words."""
    verdict: str = "violates"
    """Of softmax: violates, no evidence, conforms; or refused, where nothing is judged."""
    by: str = "ALL-1"
    """The clause that says so."""
    head: str = ""
    """What the file begins with."""
    spec: str = ""
    """The adapter, where it is no such file."""
    how: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `judge`."""
    first: Mapping[str, Any] | None = None
    """Arguments of a run that is made before, in which it learns."""
    says: str = ""
    """What the sentence must hold, beyond what the page has."""
    varies: bool = False
    """Whether the sentence hangs on chance, beyond its numbers."""
    needs: str = ""
    """What the system must grant for it, or which it must be."""
    waits: float = 120.0
    """The seconds in which it must have started."""

    @property
    def program(self) -> str:
        """The file."""
        body = self.body.strip("\n") if "\n" in self.body else f"    {self.body}"
        return f"import numpy as np\ndtypes = ('float32',)\n{self.head}\n{BESIDE}def softmax(x):\n{body}\n"


@dataclass(frozen=True)
class Seen:
    """What came of a trick."""

    verdict: str
    said: str
    beside: str
    """Whether the function beside it was judged."""


def granted() -> set[str]:
    """List what this system grants, and what it is."""
    found = {sys.platform, os.name, platform.libc_ver()[0]}
    for sandbox in (False, True):
        with contextlib.suppress(UserError), contextlib.closing(open_adapter(SOME, sandbox=sandbox)) as adapter:
            found |= set(adapter.holds)
    return found


def tried(trick: Trick, folder: Path) -> Seen:
    """Let it try."""
    spec = trick.spec or str(folder / "my_kernel.py")
    if not trick.spec:
        Path(spec).write_text(trick.program, encoding="utf-8")
    how: dict[str, Any] = {"clauses": trick.by, "components": ("softmax", "log_softmax"), "timeout": 5.0} | dict(
        trick.how
    )
    with mock.patch.object(importlib.import_module("assay.adapters.client"), "_LONGEST_START", trick.waits):
        try:
            if trick.first is not None:
                judge(spec, **how | dict(trick.first))
            report = judge(spec, **how)
        except UserError as error:
            return Seen("refused", _line(str(error), folder), "nothing of it is judged")
    mine = {each.component: each for each in report.results if each.clause == trick.by}
    result, other = mine["softmax"], mine["log_softmax"].status
    lacking = {component: why for (component, _), why in report.unseen.items()}
    if result.failure is not None:
        verdict, said = "violates", f"{result.clause}: {result.failure.message}"
    elif "softmax" in lacking or result.status == "unsupported":
        verdict, said = "no evidence", lacking.get("softmax") or str(result.reason)
    else:
        verdict, said = "conforms", "; ".join(report.offer.notes)
    return Seen(verdict, _line(said, folder), BESIDE_IT.get(other, other))


def _line(text: str, folder: Path) -> str:
    """Write a sentence as it is shown, without the folder of this run, and the path of this Python."""
    return text.replace(f"{folder}/", "").replace(sys.executable, "python")


def row(trick: Trick, seen: Seen) -> str:
    """Write the line of the page."""
    said = seen.said if len(seen.said) < 300 else f"{seen.said[:250]}..."
    shown = f"**{seen.verdict}**" + (f": {_cell(said)}" if said else "")
    return f"| {trick.does} | {trick.done} | {shown} | {seen.beside} |"


def _cell(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|") + "`"


def alike(text: str) -> str:
    """Take away what may differ from machine to machine: numbers."""
    return re.sub(r"[-+]?\d[\d.,e+-]*", "0", text)
