"""`spared.py`: every right variant before every required clause, with the standard profile, in every dtype.

It writes docs/detection/spared.json: how many cases were judged, and what failed, of which there should be none.
Interrupted, it goes on where it stopped; with --of COMPONENT it judges the variants of this component anew.
"""

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, Final

import measurements

from assay.adapters.contract import DTYPES
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import COMPONENTS, clauses_of
from assay.conformance.judging.catalogue import opened, tried_by_each
from assay.conformance.judging.sharing import sharing
from assay.conformance.variants import variants

FILE: Final = measurements.FOLDER / "spared.json"


def failed(name: str, dtype: str, seed: int) -> dict[str, Any]:
    """Judge one component in one dtype with one seed: examples, seconds, and every failure."""
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
            adapters_asked = [adapter for _, adapter in asked]
            every = tried_by_each(clause, component, dtype, PROFILES["standard"], seed, adapters_asked)
            examples += sum(each.examples for each in every)
            for (variant, _), each in zip(asked, every, strict=True):
                if each.failure is not None:
                    case, outcome = each.failure
                    failures.append([variant.name, clause.id, case.id, outcome.reason])
    return {"examples": examples, "seconds": round(time.monotonic() - started), "failures": failures}


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge and write, after each of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=2, metavar="PROCESSES")
    parser.add_argument("--seeds", type=int, default=10)
    measurements.add_of(parser)
    options = parser.parse_args(arguments)
    found = measurements.read(FILE) if FILE.exists() else {}
    due = [
        (name, dtype, seed)
        for seed in range(options.seeds)
        for name in options.of or COMPONENTS
        for dtype in (DTYPES if COMPONENTS[name].has_dtype else ("",))
        if options.of or f"{name} {dtype} {seed}" not in found
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
