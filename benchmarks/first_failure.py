"""`first_failure.py`: how long a run takes to its first failure for each wrong variant, and what it is said to be.

Each variant is judged as `assay run` does with its default profile, in this process, up to its first failure. It writes
docs/detection/first_failure.json. What only an option shows that few implementations take is left out, as is what only
the sizes of models or thousands of steps show: such a variant is right in all that a run asks before, so that its first
failure comes as late as the clause of the option, of the sizes or of the steps.
"""

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, Final

import measurements

from assay.adapters.in_process import open_object
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.diagnosis.diagnosis import diagnose
from assay.conformance.judging.catalogue import tried_by_each
from assay.conformance.judging.plan import Selection, in_turn, plan
from assay.conformance.judging.shrinking import shrink
from assay.conformance.judging.trying import Tried
from assay.conformance.terms.clause import Clause
from assay.conformance.variants import Variant, find, variants

FILE: Final = measurements.FOLDER / "first_failure.json"


def due() -> list[str]:
    """List the wrong variants, but for those that only an option, sizes of models or many steps show."""
    return [each.name for each in variants(wrong=True) if not is_of_an_option(each) and not is_beyond_a_size(each)]


_STEPS: Final = "ADAM-9"
"""The clause about thousands of steps."""


def is_beyond_a_size(variant: Variant) -> bool:
    """Say whether a variant is wrong beyond a size: the clauses that catch it have sizes of models, or many steps."""
    return variant.wrong and all(CLAUSES[clause].at_size or clause == _STEPS for clause in variant.caught_by)


def is_of_an_option(variant: Variant) -> bool:
    """Say whether a wrong variant is one of an option: each clause that catches it asks for what a case may lack."""
    component = COMPONENTS[variant.component]
    plain = component.plainest("float64")
    with_all = component.with_optional(plain, **{name: tried[0] for name, tried in component.optional.items()})
    prepared = [CLAUSES[clause].prepare for clause in variant.caught_by]
    return (
        variant.wrong
        and bool(component.optional)
        and all(each(plain) is None and each(with_all) is not None for each in prepared)
    )


def hunted(name: str) -> dict[str, Any]:
    """Find the first failure of one variant: which, after how many seconds, and what it looks like."""
    variant = find(name)
    adapter = open_object(variant.adapter(), variant.name)
    started = time.perf_counter()
    found = None
    for failure in _failures(variant, adapter):
        # An advisory clause counts where no required one is violated.
        if found is None or failure[0].level == "required":
            found, seconds = failure, time.perf_counter() - started
        if found[0].level == "required":
            break
    if found is None:
        return {"clause": None}
    clause, tried_so = found
    assert tried_so.failure is not None
    component, (case, outcome) = COMPONENTS[variant.component], tried_so.failure
    smallest, _ = shrink(clause, component, tried_so.subject, case, outcome)
    started = time.perf_counter()
    looks_like = diagnose(adapter, clause, component, list(dict.fromkeys((smallest, case)))).variant
    return {
        "clause": clause.id,
        "case": smallest.id,
        "seconds": round(seconds, 3),
        "looks_like": looks_like.name if looks_like else None,
        "diagnosis": round(time.perf_counter() - started, 3),
    }


def _failures(variant: Variant, adapter: Any) -> Iterator[tuple[Clause, Tried]]:
    """Yield each clause that is violated, in the order of a run."""
    component = COMPONENTS[variant.component]
    for line in in_turn(plan(adapter.offer, Selection(components=(variant.component,)))):
        (found,) = tried_by_each(line.clause, component, line.dtype, PROFILES["quick"], 0, [adapter])
        if found.failure is not None:
            yield line.clause, found


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    measurements.add_choice(parser)
    parser.add_argument("-n", type=int, default=2, metavar="PROCESSES")
    options = parser.parse_args(arguments)
    chosen, names = measurements.chosen(options), due()
    found: dict[str, Any] = {}
    with ProcessPoolExecutor(options.n) as pool:
        waiting = {pool.submit(hunted, name): name for name in names if name in chosen}
        for number, done in enumerate(as_completed(waiting), 1):
            found[waiting[done]] = done.result()
            if number % 50 == 0:
                print(f"{number} of {len(waiting)}", flush=True)
    # Read now: another run may have written of other variants meanwhile.
    found = {name: each for name, each in (measurements.read(FILE) | found).items() if name in names}
    measurements.write(FILE, measurements.lined(measurements.in_order(found)))
    seconds = [each["seconds"] for each in found.values() if each["clause"]]
    named = sum(each.get("looks_like") == name for name, each in found.items())
    print(f"{len(seconds)} caught; the first failure after {statistics.median(seconds):.2f} s in the median")
    print(f"the last of them after {max(seconds):.1f} s; {named} named by their own name")


if __name__ == "__main__":
    main()
