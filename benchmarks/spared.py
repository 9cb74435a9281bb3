"""`spared.py`: every right variant before every required clause, with the standard profile, in every dtype.

It writes docs/detection/spared.json: how many cases were judged, and what failed, of which there should be none.
Interrupted, it goes on where it stopped.
"""

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, Final

import measurements
from verdicts import judged, opened, sharing

from assay.adapters.contract import DTYPES
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import COMPONENTS, clauses_of
from assay.conformance.variants import variants

FILE: Final = measurements.FOLDER / "spared.json"


def failed(name: str, dtype: str, seed: int) -> dict[str, Any]:
    """Of one component in one dtype with one seed: examples, seconds, and every failure."""
    started = time.monotonic()
    component = sharing(COMPONENTS[name])
    adapters = list(opened(variants(name, wrong=False), dtype))
    examples, failures = 0, []
    # The values of those with gradients are the values of one without.
    values = [each for each in adapters if each[0].vjp is None]
    gradients = [each for each in adapters if each[0].vjp is not None]
    for clause in clauses_of(COMPONENTS[name]):
        of_values = clause.id.startswith("ALL-")
        if clause.level == "required":
            asked = values if of_values else gradients if clause.id.startswith("GRAD-") else adapters
            for each in judged(clause, component, dtype, PROFILES["standard"], seed, asked):
                examples += each.examples
                if each.violation is not None and each.case is not None:
                    failures.append([each.variant.name, clause.id, each.case.id, str(each.violation)])
    return {"examples": examples, "seconds": round(time.monotonic() - started), "failures": failures}


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge and write, after each of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=2, metavar="PROCESSES")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--component", nargs="*", default=list(COMPONENTS), metavar="NAME")
    options = parser.parse_args(arguments)
    found = measurements.read(FILE) if FILE.exists() else {}
    due = [
        (name, dtype, seed)
        for seed in range(options.seeds)
        for name in options.component
        for dtype in (DTYPES if COMPONENTS[name].has_dtype else ("",))
        if f"{name} {dtype} {seed}" not in found
    ]
    with ProcessPoolExecutor(options.n) as pool:
        waiting = {pool.submit(failed, *each): each for each in due}
        for number, done in enumerate(as_completed(waiting), 1):
            name, dtype, seed = waiting[done]
            found[f"{name} {dtype} {seed}"] = done.result()
            measurements.write(FILE, measurements.lined(dict(sorted(found.items()))))
            print(f"{number}/{len(due)} {name} {dtype} {seed} {done.result()}", flush=True)


if __name__ == "__main__":
    main()
