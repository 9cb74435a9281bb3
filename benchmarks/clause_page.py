"""The text of docs/clauses.md, which clause catches which variant, from docs/detection/clauses.json."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import clause_table

from assay.conformance.components import CLAUSES
from assay.conformance.variants import variants

PAGE: Final = Path(__file__).parent.parent / "docs" / "clauses.md"
NAMED: Final = 5
"""Variants of each clause that are named in the first table."""

Catches = dict[str, list[str]]


def catches(found: clause_table.Caught) -> tuple[Catches, Catches]:
    """Find, for each clause, the variants that violate it in any dtype, and those that violate no other."""
    every, alone = defaultdict(list), defaultdict(list)
    for name, by_dtype in found.items():
        clauses = sorted({clause for each in by_dtype.values() for clause in each})
        for clause in clauses:
            every[clause].append(name)
        if len(clauses) == 1:
            alone[clauses[0]].append(name)
    return every, alone


def texts() -> dict[Path, str]:
    """Return the page's text, by its path."""
    return {PAGE: page()}


def page() -> str:
    """Return the text."""
    found = clause_table.read()
    every, alone = catches(found)
    lines = [
        f"| {clause.id} | {clause.component or 'every component'} | {clause.sentence.replace('|', '&#124;')} "
        f"| {clause.role} | {len(every[clause.id])} | {_reason(clause.id, alone)} |"
        for clause in CLAUSES.values()
    ]
    details = []
    for variant in variants(wrong=True):
        clauses = {clause for each in found[variant.name].values() for clause in each}
        details.append(f"| `{variant.name}` | {', '.join(each for each in CLAUSES if each in clauses)} |")
    count = len([clause for clause in CLAUSES if alone[clause]])
    return TEXT.format(
        variants=len(found),
        judged=judged_with(clause_table.specs()),
        clauses=len(CLAUSES),
        count=count,
        others=len(CLAUSES) - count,
        deciding=len([clause for clause in CLAUSES.values() if clause.role == "decides"]),
        table="\n".join(lines),
        details="\n".join(details),
    )


def _reason(clause: str, alone: Catches) -> str:
    """Name the variants that the clause alone catches, or say why it is there."""
    names = alone[clause]
    if not names:
        return CLAUSES[clause].why
    shown = ", ".join(f"`{name}`" for name in names[:NAMED])
    return f"it alone catches {len(names)}: {shown}{', ...' if len(names) > NAMED else ''}"


def judged_with(specs: Mapping[str, str]) -> str:
    """Say with the cases of which spec the components were judged."""
    of: dict[str, list[str]] = defaultdict(list)
    for name, spec in specs.items():
        of[spec].append(f"`{name}`")
    if len(of) == 1:
        return f"All were judged with the cases of spec {next(iter(of))}."
    few = {spec: names for spec, names in of.items() if spec != max(of, key=lambda each: len(of[each]))}
    said = ", ".join(f"{', '.join(names)} with those of spec {spec}" for spec, names in few.items())
    (most,) = of.keys() - few.keys()
    return f"They were judged with the cases of spec {most}; {said}."


TEXT: Final = """\
# Which clause catches which wrong variant

{variants} wrong variants before {clauses} clauses: every clause of a variant's component, in every dtype of the
variant, with the quick profile and seed 0 (`python benchmarks/pages.py clause-table clauses`). A variant counts as
caught by a clause if it violates it in any dtype, unless a right variant violates it in the same words.

{judged}

{count} clauses catch a variant that no other clause catches. The other {others} say why they are there all the same:
most of what is wrong in an element is found by the comparison with its bound, which needs the oracle and does not say
what is wrong.

{deciding} clauses decide, and are always judged. The others explain: the quick profile judges those of a component once
a required clause has failed in it.

| clause | of | what it requires | role | variants caught | what it alone catches, or why it is there |
|---|---|---|---|---|---|
{table}

<details><summary>For each wrong variant, the clauses that catch it</summary>

| variant | clauses |
|---|---|
{details}

</details>
"""
