"""`seeds.py`: the quick profile with ten further seeds: which wrong variants each of them misses, and what never does.

It reads docs/detection/clauses.json, and writes docs/detection/seeds.json and conformance/variants/caught_by.json: the
clauses that each variant violates with every seed. Clauses that caught it with seed 0 are tried first. With
--only COMPONENT ... it judges the variants of these anew, and keeps what the files say of the rest.
"""

import argparse
import json
import multiprocessing
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Final

import clause_table
import measurements

from assay.conformance.components import COMPONENTS
from assay.conformance.judging.catalogue import Pair, violated, violated_in_turn
from assay.conformance.variants import variants

FILE: Final = measurements.FOLDER / "seeds.json"
STATED: Final = Path(__file__).parent.parent / "conformance" / "variants" / "caught_by.json"
SEEDS: Final = tuple(range(1, 11))

TRIED: Final = 4
"""Clauses of each variant that are followed through all seeds."""
STATES: Final = 3
"""Clauses that a variant states, at most."""

GENERAL: Final = ("ALL-1", "GRAD-1")


def chosen(found: clause_table.Caught) -> dict[str, list[Pair]]:
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


def main(arguments: Any = None) -> None:
    """Judge and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=(), metavar="COMPONENT", help="whose variants to judge anew")
    parser.add_argument("-n", type=int, default=2, metavar="PROCESSES")
    options = parser.parse_args(arguments)
    names = options.only or tuple(COMPONENTS)
    home = {each.name: each.component for each in variants(wrong=True)}
    every = chosen(clause_table.read())
    pairs = {name: each for name, each in every.items() if home[name] in names}
    started = time.monotonic()
    never = _kept(names, home)
    steady = {name: {clause for clause, _ in each} for name, each in pairs.items()}
    with ProcessPoolExecutor(options.n) as pool:
        waiting = {}
        for seed in SEEDS:
            for name in names:
                of = {variant: each for variant, each in pairs.items() if home[variant] == name}
                waiting[pool.submit(of_component, name, seed, of)] = (name, seed)
        for number, done in enumerate(as_completed(waiting), 1):
            name, seed = waiting[done]
            found, lost = done.result()
            never[seed] += lost
            for variant, each in found.items():
                steady[variant] &= {clause for clause, _ in each}
            print(f"{number}/{len(waiting)} {name} seed {seed} {time.monotonic() - started:.0f} s {lost}", flush=True)
    text = {str(seed): sorted(names) for seed, names in never.items()}
    FILE.write_text(
        json.dumps({"profile": "quick", "variants": len(every), "missed": text}, indent=1) + "\n", encoding="utf-8"
    )
    stated = json.loads(STATED.read_text(encoding="utf-8")) if options.only else {}
    for name, each in pairs.items():
        clauses = list(dict.fromkeys(clause for clause, _ in each))
        # Where none catches it with every seed, those that do with seed 0.
        stated[name] = [clause for clause in clauses if clause in steady[name]] or clauses
    write_stated({name: stated[name] for name in every}, options.n)


def _kept(names: Sequence[str], home: Mapping[str, str]) -> dict[int, list[str]]:
    """List what each seed missed of other components, as the file has it."""
    if set(names) == set(COMPONENTS):
        return {seed: [] for seed in SEEDS}
    missed = json.loads(FILE.read_text(encoding="utf-8"))["missed"]
    return {seed: [each for each in missed[str(seed)] if home.get(each, "") not in (*names, "")] for seed in SEEDS}


def write_stated(clauses: Mapping[str, Sequence[str]], processes: int) -> None:
    """Write the clauses that each variant states: those that it violates first, in turn, in a process of its own.

    What a variant keeps from call to call would else make it violate what it does not violate by itself.
    """
    kept = {name: each[:STATES] for name, each in clauses.items()}
    while True:
        with multiprocessing.get_context("fork").Pool(processes, maxtasksperchild=1) as pool:
            found = dict(pool.imap_unordered(violated_in_turn, kept.items(), chunksize=1))
        if found == kept:
            break
        kept = found
    measurements.write(STATED, measurements.lined({name: kept[name] for name in clauses}))


if __name__ == "__main__":
    main()
