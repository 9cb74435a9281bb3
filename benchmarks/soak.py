"""`soak.py STATE [--minutes N] [--part K/N]`: right implementations, case after case: nothing may fail.

torch's functions in a worker, and every right variant of the catalogue in this process, in every dtype, with one seed
after another in the standard profile; values, gradients and, at each sixteenth place, sizes of models. STATE is a file:
the run goes on where it stopped, and counts cases, seconds and the memory of both. `--part 1/2` is what one of two runs
beside each other does. A failure of torch that is known (docs/findings.md) is counted by clause; one of a right variant
is a derivation to mend, and ends the run with status 1.
"""

import argparse
import contextlib
import itertools
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.adapters import open_adapter, open_object
from assay.adapters.memory import held_by, peak_of
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS, clauses_of
from assay.conformance.judging.judging import judge_clause
from assay.conformance.variants import variants

_SMALL = ("ALL-1", "GRAD-1")
_AT_SIZE = ("ALL-12", "GRAD-8")
_EACH = 16
"""Sizes of models take some hundred times the time of small cases: they come at each of so many places."""
_TORCH = "torch"


_SAMPLE = 10_000
"""The memory is looked at after each of so many cases."""


def _memory(worker: int | None) -> tuple[int, int, int]:
    """Return the bytes that the judge holds, the most that it has held, and the most that torch's worker has."""
    return held_by(os.getpid()) or 0, peak_of() or 0, worker or 0


def jobs() -> Iterator[tuple[int, str, str, str, str]]:
    """Give seed, implementation, component, dtype and clause, for ever, in one order."""
    right = [(each.name, each.component, each.dtypes) for each in variants(wrong=False)]
    with contextlib.closing(open_adapter(_TORCH)) as torch:
        right += [(_TORCH, name, torch.offer.dtypes) for name in torch.offer.functions]
    places = [
        (name, component, dtype)
        for name, component, dtypes in right
        for dtype in (dtypes if COMPONENTS[component].has_dtype else ("",))
    ]
    for seed in itertools.count():
        for place, (name, component, dtype) in enumerate(places):
            judged = COMPONENTS[component]
            # What gives no array is judged by clauses of its own alone.
            own = [each.id for each in clauses_of(judged) if judged.gives_data and each.role == "decides"]
            for clause in own or (*_SMALL, *(() if (place + seed) % _EACH else _AT_SIZE)):
                if own or CLAUSES[clause].concerns(judged):
                    yield seed, name, component, dtype, clause


def main() -> int:
    """Judge until the time is over, and write what was found after each job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--part", default="1/1")
    options = parser.parse_args()
    part, parts = map(int, options.part.split("/"))
    state: dict[str, Any] = {"done": 0, "cases": 0, "at size": 0, "seconds": 0.0, "failures": [], "memory": []}
    if options.state.exists():
        state = json.loads(options.state.read_text(encoding="utf-8"))
    adapters = {each.name: each.adapter() for each in variants(wrong=False)}
    end = time.monotonic() + 60 * options.minutes
    with contextlib.closing(open_adapter(_TORCH)) as torch:
        for seed, name, component, dtype, clause in itertools.islice(
            jobs(), part - 1 + parts * state["done"], None, parts
        ):
            if time.monotonic() > end:
                break
            began = time.monotonic()
            adapter = torch if name == _TORCH else open_object(adapters[name], name)
            result = judge_clause(adapter, CLAUSES[clause], component, dtype, PROFILES["standard"], seed)
            state["done"] += 1
            state["cases"] += result.examples
            state["seconds"] += time.monotonic() - began
            state["at size"] += result.examples if clause in _AT_SIZE else 0
            if state["cases"] // _SAMPLE > len(state["memory"]):
                state["memory"].append([state["cases"], *(size >> 20 for size in _memory(torch.peak))])
            if result.failure is not None:
                state["failures"].append([name, clause, dtype, result.failure.case])
            options.state.write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
    own = [each for each in state["failures"] if each[0] != _TORCH]
    rate = state["cases"] / max(state["seconds"], 1e-9)
    print(f"{state['cases']:,} cases, {rate:.0f} a second; {len(own)} failures of right variants", *own, sep="\n")
    return 1 if own else 0


if __name__ == "__main__":
    sys.exit(main())
