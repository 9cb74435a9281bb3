"""`on_screen.py`: how many seconds of the processor pass until the first failure of a wrong variant is on the screen.

Each is judged as `assay run` does, smoke cases first, in one dtype and in this process, until a required failure has
been made small; what is drawn and said after that is not counted. (`first_failure.py` counts what the clauses alone
take, in every dtype, and asks what the failure looks like.) What was measured is kept in a file, a variant a line, and
not measured again: `--sample 40 --state FILE` measures forty that are not in it yet.
"""

import argparse
import json
import os
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded

from assay.adapters import Opening
from assay.adapters.in_process import open_object
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import COMPONENTS
from assay.conformance.interface.report import Report
from assay.conformance.interface.running import run
from assay.conformance.interface.smoking import smoke_first
from assay.conformance.judging.plan import Selection, plan
from assay.conformance.judging.result import Failure
from assay.conformance.terms.clause import Clause
from assay.conformance.variants import Variant, find, variants

_DTYPES: Final = ("float32", "bfloat16", "float16", "float64")
"""The dtype is the first of these in which a variant is wrong."""
_LIMITS: Final = (3, 15)
"""The seconds that are wanted: in the median, and at most."""


def measured(variant: Variant) -> dict[str, Any]:
    """Judge a variant until its first required failure is on the screen."""
    adapter = open_object(variant.adapter(), variant.name)
    dtype = next(each for each in _DTYPES if each in variant.dtypes)
    chosen = Selection(components=(variant.component,), dtypes=(dtype,))
    lines = list(plan(adapter.offer, chosen, PROFILES["quick"]))
    report = Report(Opening(variant.name), adapter.offer, "quick", 0, lines)
    shown: dict[str, Any] = {"dtype": dtype, "clause": None}
    started = time.process_time()

    def found(clause: Clause, failure: Failure) -> None:
        if clause.level == "required":
            shown.update(clause=clause.id, case=failure.case, seconds=round(time.process_time() - started, 2))
            raise KeyboardInterrupt  # as somebody who has seen enough

    try:
        if smoke_first(report, adapter):
            shown.update(clause="smoke", seconds=round(time.process_time() - started, 2))
        else:
            run(report, adapter, lambda _: None, "0", found)
    except KeyboardInterrupt:
        pass
    return shown


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Read what has been measured."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {name: each for line in lines for name, each in json.loads(line).items()}


def told(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say what was measured: median and worst, and which are beyond the limits."""
    seconds = {name: each["seconds"] for name, each in found.items() if each["clause"]}
    lines = [f"{len(seconds)} of {len(found)} fail; the first failure is on the screen after"]
    lines += [f"{statistics.median(seconds.values()):.2f} s in the median, {max(seconds.values()):.1f} s at most"]
    for limit in _LIMITS:
        beyond = sorted((name for name in seconds if seconds[name] > limit), key=lambda name: -seconds[name])
        named = ", ".join(f"{name} {seconds[name]} ({found[name]['clause']})" for name in beyond)
        lines.append(f"{len(beyond)} take more than {limit} s{': ' if named else ''}{named}")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, keep and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--of", choices=[each for each in COMPONENTS if COMPONENTS[each].has_dtype], default="attention"
    )
    parser.add_argument("--sample", type=int, metavar="N", help="so many that have not been measured (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--only", nargs="+", default=[], metavar="VARIANT", help="measure these")
    parser.add_argument("--state", type=Path, default=Path("on_screen.jsonl"), help="where the results are kept")
    options = parser.parse_args(arguments)
    found = read(options.state)
    names = options.only or [each.name for each in variants(options.of, wrong=True) if each.name not in found]
    if not options.only:
        random.Random(options.seed).shuffle(names)
    for name in names[: options.sample]:
        found[name] = measured(find(name))
        with options.state.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps({name: found[name]})}\n")
    print("\n".join(told(found)))


if __name__ == "__main__":
    main()
