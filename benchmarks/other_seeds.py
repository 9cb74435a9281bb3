"""`other_seeds.py`: of a hundred wrong variants drawn at random, which stated clauses do not catch them with some seed.

It writes docs/detection/other_seeds.json: for each of them, clause and seed where the quick profile finds no violation.
Left out is what only the sizes of models show.
"""

import argparse
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final

import clause_table
import measurements

from assay.adapters.contract import DTYPES
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.judging.catalogue import violated
from assay.conformance.terms.generator import Generator
from assay.conformance.variants import Variant, find, variants

FILE: Final = measurements.FOLDER / "other_seeds.json"
SEEDS: Final = (0, 1, 2, 3)
DRAWN: Final = 100

Asked = Mapping[str, Mapping[str, Sequence[str]]]
"""Variant, clause that it states, the dtypes in which that caught it with seed 0."""

Missed = tuple[str, str]
"""Variant and clause."""


def sentence() -> str:
    """Say in a sentence what the file holds."""
    found = measurements.read(FILE)
    stated = len(SEEDS) * sum(len(stated_by(find(name))) for name in found)
    missed = [f"{name} ({each})" for name, of in found.items() for each in of]
    names = f": {', '.join(missed)}" if missed else ""
    return (
        f"Of {len(found)} wrong variants drawn at random, but for those that only sizes of models show, the clauses "
        f"that each states were judged with the seeds {SEEDS[0]} to {SEEDS[-1]}: {100 * len(missed) / stated:.2f} % "
        f"of {stated} verdicts differ from seed to seed{names}."
    )


def stated_by(variant: Variant) -> list[str]:
    """List the clauses that catch a variant whatever the seed, without those at the sizes of models."""
    return [clause for clause in variant.caught_by if not CLAUSES[clause].at_size]


def chosen() -> list[Variant]:
    """Draw the variants; the same ones each time."""
    every = [each for each in variants(wrong=True) if stated_by(each)]
    order = Generator("wrong variants before other seeds").permutation(len(every))
    return [every[k] for k in sorted(map(int, order[:DRAWN]))]


def missed(name: str, seed: int, asked: Asked) -> list[Missed]:
    """Find what the clauses miss of a component's variants in every dtype in which they caught them with seed 0."""
    left = [(variant, clause) for variant, of in asked.items() for clause in of]
    for k in range(len(DTYPES)):
        pairs: dict[str, list[tuple[str, str]]] = {}
        for variant, clause in left:
            pairs.setdefault(variant, []).extend((clause, dtype) for dtype in asked[variant][clause][k : k + 1])
        found = {(variant, clause) for variant, of in violated(name, seed, pairs).items() for clause, _ in of}
        left = [each for each in left if each not in found]
    return [each for each in left if each not in _by_themselves(seed, sorted({variant for variant, _ in left}))]


def _by_themselves(seed: int, names: Sequence[str]) -> set[Missed]:
    """Judge variants once more, each clause after the other: some keep what they saw from call to call."""
    found = set()
    for variant in map(find, names):
        dtypes = variant.dtypes if COMPONENTS[variant.component].has_dtype else ("",)
        for clause in stated_by(variant):
            of = violated(variant.component, seed, {variant.name: [(clause, dtype) for dtype in dtypes]})
            found |= {(variant.name, each) for each, _ in of[variant.name]}
    return found


def main(arguments: Any = None) -> None:
    """Judge and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=2, metavar="PROCESSES")
    options = parser.parse_args(arguments)
    caught = clause_table.read()
    asked: dict[str, dict[str, dict[str, list[str]]]] = {}
    for each in chosen():
        of = {clause: [dtype for dtype, by in caught[each.name].items() if clause in by] for clause in stated_by(each)}
        asked.setdefault(each.component, {})[each.name] = of
    found: dict[str, list[str]] = {name: [] for of in asked.values() for name in of}
    with ProcessPoolExecutor(options.n) as pool:
        waiting = [(seed, pool.submit(missed, name, seed, of)) for name, of in asked.items() for seed in SEEDS]
        for number, (seed, done) in enumerate(waiting, 1):
            for variant, clause in done.result():
                found[variant].append(f"{clause} with seed {seed}")
            print(f"{number}/{len(waiting)}", flush=True)
    measurements.write(FILE, measurements.lined(measurements.in_order(found)))


if __name__ == "__main__":
    main()
