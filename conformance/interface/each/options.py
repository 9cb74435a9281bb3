"""The options of `assay run` for many adapters; what judges them is imported where they are asked for."""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..options import UsageError, seconds

FROM_INPUT: Final = "-"
"""Stands for a list of adapters on standard input."""


def gpus(text: str) -> float:
    """Read how many accelerators a kernel has: some, or a part of one."""
    if re.fullmatch(r"[0-9]{1,4}|0?\.[0-9]{1,4}", text):
        return float(text)
    raise UsageError(f"must be a whole number or a fraction such as 0.25, not {text!r:.200}")


_TAKES: Final[Mapping[str, Mapping[str, Any]]] = {
    "each": {"action": "store_true", "help": "judge every adapter apart, -n at once, into --out; - reads their list"},
    "out": {"type": Path, "metavar": "FOLDER", "help": "with --each: where reports, table and database go"},
    "ray": {"metavar": "ADDRESS", "help": "with --each: judge on a cluster of Ray, or on one of this machine: local"},
    "gpus": {"type": gpus, "metavar": "N", "help": "with --ray: the accelerators of each kernel, as in 1 or 0.25 (0)"},
    "kill-after": {
        "type": seconds,
        "metavar": "S",
        "help": "with --each: end the judge of an adapter after so many seconds (default: 3600, or by --time)",
    },
}


def add_what_each_takes(command: argparse.ArgumentParser) -> None:
    """Add the options of many adapters to `assay run`."""
    for name, settings in _TAKES.items():
        command.add_argument(f"--{name}", **settings)


def is_each(parsed: argparse.Namespace) -> bool:
    """Say whether every adapter is judged apart; `UsageError` where the call is half of that."""
    alone = [f"--{name}" for name in _TAKES if name != "each" and getattr(parsed, name.replace("-", "_")) is not None]
    if alone and not parsed.each:
        raise UsageError(f"{alone[0]} is for --each, which judges every adapter apart; add --each")
    if parsed.gpus is not None and parsed.ray is None:
        raise UsageError("--gpus is for --ray, where each kernel is given so many")
    if FROM_INPUT in parsed.adapter and not parsed.each:
        raise UsageError(f"{FROM_INPUT}, a list of adapters on standard input, is for --each")
    return bool(parsed.each)
