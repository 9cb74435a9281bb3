"""`one_cause.py`: how many causes a run tells of each wrong variant of the catalogue, where there is one bug.

A variant is judged with the quick profile, in one of its dtypes, as `assay run --go-on` judges it. The sample is drawn
by a seed, from each component in proportion to its variants. With `--state FILE` it goes on where it stopped. Clauses
about the sizes of models, which take a second a case, are judged where nothing else catches the variant, or with
`--at-size`. With `--unnamed`, no variant knows itself: what a bug has in common must show without its name. It prints a
line a variant, those of further causes below it, and the share that has one, of those that violate a required clause.
"""

import argparse
import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import measurements
import numpy as np

from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.interface.judge import judge
from assay.conformance.variants import Variant, catalogue, find, variants

AT_SIZE = {name for name, clause in CLAUSES.items() if clause.at_size}


def sample(size: int, seed: int, of: Sequence[str]) -> list[tuple[str, str]]:
    """Draw wrong variants, with a dtype each: every component's share of them, and at least one."""
    total, drawn = len(variants(wrong=True)), []
    for number, component in enumerate(COMPONENTS):
        own = variants(component, wrong=True)
        generator = np.random.default_rng([seed, number])
        places = generator.permutation(len(own))[: max(1, round(size * len(own) / total))]
        chosen = [(own[place].name, str(generator.choice(own[place].dtypes))) for place in sorted(places)]
        drawn += chosen if not of or component in of else []
    return drawn


@contextlib.contextmanager
def unknown(variant: Variant) -> Iterator[None]:
    """Take a variant out of the catalogue for a while."""
    with mock.patch.dict(catalogue._CATALOGUE):
        del catalogue._CATALOGUE[variant.name]
        yield


def causes(variant: Variant, dtype: str, *, at_size: bool) -> list[dict[str, Any]]:
    """Judge a variant, and write down its required causes."""
    needed = at_size or set(variant.caught_by) <= AT_SIZE
    clauses = () if needed else [name for name in CLAUSES if name not in AT_SIZE]
    report = judge(variant.adapter(), components=[variant.component], dtypes=[dtype], clauses=clauses, go_on=True)
    return [
        {
            "id": cause.id,
            "how": cause.failure.how,
            "trigger": dict(cause.failure.trigger),
            "looks like": cause.failure.looks_like,
            "case": cause.failure.case,
            "clauses": cause.clauses,
            "message": cause.failure.message,
        }
        for cause in report.causes
        if cause.level == "required"
    ]


def main() -> None:
    """Judge the sample, or the variants that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="variants, each in the dtype NAME:DTYPE; a sample by default")
    parser.add_argument("--sample", type=int, default=160, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--state", type=Path, help="where what was judged is kept")
    parser.add_argument("--at-size", action="store_true", help="judge the sizes of models of each")
    parser.add_argument("--unnamed", action="store_true", help="judge each as if the catalogue did not hold it")
    measurements.add_of(parser)
    asked = parser.parse_args()
    lines = asked.state.read_text("utf-8").splitlines() if asked.state and asked.state.exists() else []
    known = {(each["variant"], each["dtype"]): each for each in map(json.loads, lines)}
    chosen = [(name, dtype) for name, _, dtype in (each.partition(":") for each in asked.names)]
    judged = []
    for name, dtype in chosen or sample(asked.sample, asked.seed, asked.of):
        started = time.process_time()
        if (name, dtype) not in known:
            variant = find(name)
            with unknown(variant) if asked.unnamed else contextlib.nullcontext():
                found = causes(variant, dtype, at_size=asked.at_size)
            seconds = round(time.process_time() - started, 1)
            known[name, dtype] = {"variant": name, "dtype": dtype, "seconds": seconds, "causes": found}
            if asked.state:
                with asked.state.open("a", encoding="utf-8") as file:
                    file.write(f"{json.dumps(known[name, dtype])}\n")
        judged.append(known[name, dtype])
        told = judged[-1]
        print(f"{len(told['causes'])} {name} {dtype} {told['seconds']} s", flush=True)
        for cause in told["causes"] if len(told["causes"]) > 1 else ():
            print(f"    {cause['id']} {' '.join(cause['clauses'])} {cause['case']} {cause['message'][:200]}")
    one, several = (sum(test(len(each["causes"])) for each in judged) for test in (lambda n: n == 1, lambda n: n > 1))
    print(f"{one} of {one + several} have one cause")


if __name__ == "__main__":
    main()
