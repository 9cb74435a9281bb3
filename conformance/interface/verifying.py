"""`assay claim` and `assay verify`: what is written, what is repeated, and what is said of it."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ...adapters.foreign_text import visible
from .claiming import claim_text, differences
from .options import COMPARING, JUDGING, UsageError, add_options, workers
from .repeating import repeated
from .report import Report
from .report_files import check_files, write_asked
from .terminal import Screen

_SHOWN: Final = 20


def add_what_is_claimed(command: argparse.ArgumentParser) -> None:
    """Add what `assay claim` takes."""
    command.add_argument("report", type=Path, metavar="REPORT")
    command.add_argument("--out", type=Path, required=True, metavar="CLAIM", help="the file to write")


def add_what_is_verified(command: argparse.ArgumentParser) -> None:
    """Add what `assay verify` takes."""
    command.add_argument("claim", type=Path, metavar="CLAIM")
    command.add_argument("adapter", nargs="?", metavar="ADAPTER", help="whom to judge (default: what the claim names)")
    command.add_argument("-n", dest="workers", type=workers, default="0", metavar="WORKERS", help="a number, or auto")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the report")
    add_options(command.add_argument, {"memory": JUDGING["memory"], "worse-by": COMPARING["worse-by"]})


def write_claim(report: Path, out: Path) -> int:
    """Write the claim that a report makes."""
    check_files({"--out": out})
    write_asked(out, claim_text(report), "the claim")
    return 0


def asked_by(claim: Mapping[str, Any], parsed: argparse.Namespace, usual: argparse.Namespace) -> argparse.Namespace:
    """Return the options of the run that a claim is of, of the adapter that is named here, if one is.

    `usual` has those of `assay run` of which a claim says nothing.
    """
    try:
        asked = argparse.Namespace(**{**vars(usual), **vars(repeated(claim["repeat"]))})
    except UsageError as error:
        raise UsageError(f"{parsed.claim} cannot be repeated: {error}") from None
    if (asked.seed, asked.profile, asked.shard) != (claim["seed"], claim["profile"], None):
        raise UsageError(f"{parsed.claim} contradicts itself: it repeats another run than the one of which it speaks")
    if parsed.adapter is None and asked.adapter.startswith("exec:"):
        # Nobody's file starts a program here.
        raise UsageError(f"{parsed.claim} is of a program, {asked.adapter!r:.200}; name it after the claim to run it")
    asked.adapter = asked.adapter if parsed.adapter is None else parsed.adapter
    asked.memory = parsed.memory if parsed.memory is not None else asked.memory
    for name in ("workers", "json", "worse_by"):
        setattr(asked, name, getattr(parsed, name))
    return asked


def show_verified(screen: Screen, claim: Mapping[str, Any], report: Report, factor: float) -> int:
    """Say whether a claim holds, and return 0 if it does, 1 if not."""
    here = report.as_json()
    found = differences(claim, here, factor)
    if report.incomplete:
        found.append("the run here was interrupted")
    for sentence in found[:_SHOWN]:
        screen.say((f"the claim does not hold: {visible(sentence)}", "red"))
    if len(found) > _SHOWN:
        screen.say((f"{len(found) - _SHOWN} further points do not hold", "red"))
    for name in ("python", "numpy", "machine"):
        if claim[name] != (own := here["made"][name]):
            screen.say((f"note: it was made with {name} {visible(claim[name])}, and here is {own}", "dim"))
    about = f"{visible(report.offer.name)}, spec {claim['spec']}, profile {claim['profile']}, seed {claim['seed']}"
    said = ("does not hold", "bold red") if found else ("holds", "bold green")
    allowed = f" with {len(claim['allowed'])} known failures" if claim["allowed"] else ""
    screen.say("the claim that it ", f"{claim['verdict']}{allowed} ", said, f" ({about})")
    return 1 if found else 0
