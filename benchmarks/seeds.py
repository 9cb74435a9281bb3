"""`seeds.py`: the quick profile with ten further seeds: which of them miss a wrong variant, and what never does.

It reads docs/detection/clauses.json, and writes docs/detection/seeds.json, the seeds that miss each variant, and
conformance/variants/caught_by.json, the clauses that each violates with every seed. Clauses that caught it with seed 0
are tried first. With --of COMPONENT it judges the variants of this component anew, with --only VARIANT ... these
variants, and keeps what the files say of the rest.
"""

import argparse
import multiprocessing
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Final

import clause_table
import measurements

from assay.conformance.judging.catalogue import Pair, violated, violated_in_turn
from assay.conformance.variants import find

FILE: Final = measurements.FOLDER / "seeds.json"
STATED: Final = Path(__file__).parent.parent / "conformance" / "variants" / "caught_by.json"
SEEDS: Final = tuple(range(1, 11))

TRIED: Final = 4
"""Clauses of each variant that are followed through all seeds."""
STATES: Final = 3
"""Clauses that a variant states, at most."""

GENERAL: Final = ("ALL-1", "GRAD-1")


def to_follow(found: clause_table.Caught) -> dict[str, list[Pair]]:
    """Choose for each variant the general clause and the most telling ones, in every dtype in which they fail."""
    counts: Counter[str] = Counter(
        clause for of in found.values() for clause in {each for clauses in of.values() for each in clauses}
    )
    result = {}
    for name, of in found.items():
        dtypes = defaultdict(list)
        for dtype, clauses in of.items():
            for clause in clauses:
                dtypes[clause].append(dtype)
        # A clause that few variants violate says more about those.
        telling = sorted(dtypes, key=lambda clause: (clause not in GENERAL, counts[clause]))
        result[name] = [(clause, dtype) for clause in telling[:TRIED] for dtype in dtypes[clause]]
    return result


def missed(name: str, seed: int, names: Iterable[str]) -> list[str]:
    """Find the variants that no clause catches in any dtype with that seed."""
    left = set(names)
    for component, dtype in clause_table.jobs(sorted(left)):
        if component == name and left:
            of = clause_table.caught(name, dtype, seed, sorted(left))
            left -= {variant for variant, by_dtype in of.items() if any(by_dtype.values())}
    return sorted(left)


def of_component(name: str, seed: int, pairs: Mapping[str, Sequence[Pair]]) -> tuple[dict[str, set[Pair]], list[str]]:
    """Find what each variant violates, and which variants are missed."""
    found = violated(name, seed, pairs)
    return found, missed(name, seed, [variant for variant, each in found.items() if not each])


def followed(pairs: Mapping[str, Sequence[Pair]], processes: int) -> tuple[dict[str, list[int]], dict[str, set[str]]]:
    """Find for each variant the seeds that miss it, and the clauses that it violates with all of them."""
    started = time.monotonic()
    missing: dict[str, list[int]] = {name: [] for name in pairs}
    steady = {name: {clause for clause, _ in each} for name, each in pairs.items()}
    of_each: dict[str, dict[str, Sequence[Pair]]] = defaultdict(dict)
    for name, each in pairs.items():
        of_each[find(name).component][name] = each
    with ProcessPoolExecutor(processes) as pool:
        waiting = {
            pool.submit(of_component, component, seed, of): (component, seed)
            for seed in SEEDS
            for component, of in of_each.items()
        }
        for number, done in enumerate(as_completed(waiting), 1):
            component, seed = waiting[done]
            found, lost = done.result()
            for variant in lost:
                missing[variant].append(seed)
            for variant, violations in found.items():
                steady[variant] &= {clause for clause, _ in violations}
            seconds = time.monotonic() - started
            print(f"{number}/{len(waiting)} {component} seed {seed} {seconds:.0f} s {lost}", flush=True)
    return {name: sorted(each) for name, each in missing.items()}, steady


def first_violated(clauses: Mapping[str, Sequence[str]], processes: int) -> dict[str, list[str]]:
    """Find the clauses that each variant states: those that it violates first, in turn, in a process of its own.

    What a variant keeps from call to call would else make it violate what it does not violate by itself.
    """
    kept: dict[str, list[str]] = {}
    left = {name: list(each[:STATES]) for name, each in clauses.items()}
    while left:
        again = {}
        with multiprocessing.get_context("fork").Pool(processes, maxtasksperchild=1) as pool:
            judged = pool.imap_unordered(violated_in_turn, left.items(), chunksize=1)
            for number, (name, found) in enumerate(judged, 1):
                (kept if found == left[name] else again)[name] = found
                if number % 25 == 0 or number == len(left):
                    print(f"{number}/{len(left)} judged by itself", flush=True)
        left = again
    return kept


def main(arguments: Any = None) -> None:
    """Judge and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    measurements.add_choice(parser)
    parser.add_argument("-n", type=int, default=2, metavar="PROCESSES")
    options = parser.parse_args(arguments)
    every = to_follow(clause_table.read())
    try:
        pairs = {name: every[name] for name in measurements.chosen(options)}
    except KeyError as error:
        raise SystemExit(f"{clause_table.FILE.name} says nothing of {error}: clause_table.py comes first") from None
    missing, steady = followed(pairs, options.n)
    clauses = {}
    for name, each in pairs.items():
        tried = list(dict.fromkeys(clause for clause, _ in each))
        # Where none catches it with every seed, those that do with seed 0.
        clauses[name] = [clause for clause in tried if clause in steady[name]] or tried
    stated = first_violated(clauses, options.n)
    for file, found in ((FILE, missing), (STATED, stated)):
        measurements.write(file, measurements.lined(measurements.in_order(measurements.read(file) | found)))


if __name__ == "__main__":
    main()
