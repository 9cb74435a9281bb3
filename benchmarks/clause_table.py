"""`clause_table.py`: every wrong variant before every clause, with the quick profile; which clause catches which.

It writes docs/detection/clauses.json. With --of COMPONENT it judges the variants of this component anew, with
--only VARIANT ... these variants, and keeps what the file says of the rest.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, Final

import measurements

from assay.adapters.contract import DTYPES
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.cases.sizes import sized
from assay.conformance.components import COMPONENTS, clauses_of
from assay.conformance.interface.report import SPEC
from assay.conformance.judging.catalogue import opened, tried_by_each
from assay.conformance.judging.sharing import sharing
from assay.conformance.variants import variants

FILE: Final = measurements.FOLDER / "clauses.json"

Caught = dict[str, dict[str, list[str]]]
"""Variant, dtype, the clauses that it violates."""


def jobs(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """List component and dtype of those variants; the dtype is empty where there is none."""
    chosen = [each for each in variants(wrong=True) if each.name in names]
    for name, component in COMPONENTS.items():
        for dtype in DTYPES if component.has_dtype else ("",):
            if any(each.component == name and (not dtype or dtype in each.dtypes) for each in chosen):
                yield name, dtype


def caught(
    name: str, dtype: str, seed: int, names: Sequence[str], profile: str = "quick", sizes: str = "all"
) -> Caught:
    """Find the clauses that each of those wrong variants violates, of one component in one dtype."""
    component = sharing(sized(COMPONENTS[name], sizes))
    chosen = [each for each in variants(name) if not each.wrong or each.name in names]
    adapters = list(opened(chosen, dtype))
    found: Caught = {each.name: {dtype: []} for each, _ in adapters if each.wrong}
    for clause in clauses_of(COMPONENTS[name]):
        # What an advisory clause blames on right variants as well is not what is wrong with the others.
        asked = [(each, adapter) for each, adapter in adapters if each.wrong or clause.level == "advisory"]
        tried = tried_by_each(clause, component, dtype, PROFILES[profile], seed, [adapter for _, adapter in asked])
        failures = [
            (variant, (each.failure[0], each.failure[1].reason))
            for (variant, _), each in zip(asked, tried, strict=True)
            if each.failure
        ]
        inherited = {words for variant, words in failures if not variant.wrong}
        for variant, words in failures:
            if variant.wrong and words not in inherited:
                found[variant.name][dtype].append(clause.id)
    return found


def written(found: Caught, of: Mapping[str, str]) -> str:
    """Write the text of the file: a line a variant, in the order of the catalogue; `of` has each component's spec."""
    caught = measurements.lined(measurements.in_order(found))
    return f'{{"profile": "quick", "seed": 0, "specs": {json.dumps(of)}, "caught": {caught.rstrip()}}}\n'


def read() -> Caught:
    """Read the file."""
    return measurements.Entries(measurements.read(FILE)["caught"], FILE, "clause-table")


def specs() -> dict[str, str]:
    """Give for each component the spec with whose cases its variants were judged: `SPEC` if today's."""
    found: dict[str, str] = measurements.read(FILE)["specs"]
    return found


def main(arguments: Any = None) -> None:
    """Judge and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    measurements.add_choice(parser)
    parser.add_argument("-n", type=int, default=2, metavar="PROCESSES")
    options = parser.parse_args(arguments)
    names = measurements.chosen(options)
    whole = len(names) == len(variants(wrong=True))
    found: Caught = {}
    started = time.monotonic()
    with ProcessPoolExecutor(options.n) as pool:
        waiting = {pool.submit(caught, name, dtype, 0, names): (name, dtype) for name, dtype in jobs(names)}
        for number, done in enumerate(as_completed(waiting), 1):
            for variant, of_dtype in done.result().items():
                found.setdefault(variant, {}).update(of_dtype)
            print(f"{number}/{len(waiting)} {' '.join(waiting[done])} {time.monotonic() - started:.0f} s", flush=True)
    if not whole:  # read now: another run may have written of other variants meanwhile
        found = {name: each for name, each in read().items() if name not in names} | found
    ordered = {name: {d: found[name][d] for d in ("", *DTYPES) if d in found[name]} for name in found}
    before = {} if whole else specs()
    now = {name: SPEC for name in COMPONENTS if all(each.name in names for each in variants(name, wrong=True))}
    of = {name: (before | now)[name] for name in COMPONENTS if name in before | now}
    measurements.write(FILE, written(ordered, of))


if __name__ == "__main__":
    main()
