"""The text of docs/detection.md, from docs/detection/; as a script, its plot."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import clause_table
import detect
import few_sizes
import first_failure
import measurements
import other_seeds
import seeds
import spared
from criteria import CRITERIA, Criterion
from detection_plot import Share, plot
from first_failure import is_of_an_option

from assay.adapters.contract import DTYPES
from assay.conformance.components import COMPONENTS
from assay.conformance.variants import Variant, variants

DOCS: Final = Path(__file__).parent.parent / "docs"
PAGE: Final = DOCS / "detection.md"
PLOT: Final = DOCS / "detection.svg"


class Measured:
    """What the files say."""

    def __init__(self) -> None:
        """Read them."""
        found = detect.read()
        self.found = measurements.Entries({key: _sets(kinds) for key, kinds in found.items()}, found.file, found.page)
        self.clauses = clause_table.read()
        of_right = measurements.read(spared.FILE).items()
        self.failures = {(failure[0], key.split(" ")[1]) for key, each in of_right for failure in each["failures"]}

    def rejected(self, kind: str, criterion: Criterion, variant: Variant, dtype: str | None = None) -> bool:
        """Say whether the variant is rejected, in that dtype or in any."""
        dtypes = (DTYPES if COMPONENTS[variant.component].has_dtype else ("",)) if dtype is None else (dtype,)
        found = (self.found[f"{variant.component} {each}"] for each in dtypes)
        return any(variant.name in of[kind].get(criterion.name, ()) for of in found)

    def share(self, kind: str, criterion: Criterion, of: Iterable[Variant], dtype: str | None = None) -> Share:
        """Count those of the variants that are rejected."""
        every = list(of)
        return Share(sum(self.rejected(kind, criterion, each, dtype) for each in every), len(every))

    def both(
        self, kind: str, criterion: Criterion, *, component: str | None = None, dtype: str | None = None
    ) -> tuple[Share, Share]:
        """Count in its domain, or a part of it, the wrong variants caught and the right ones failed."""
        wrong, right = (
            [each for each in domain(criterion, wrong=wrong) if component in (None, each.component)]
            for wrong in (True, False)
        )
        if dtype:
            wrong, right = in_dtype(wrong, dtype), in_dtype(right, dtype)
        return self.share(kind, criterion, wrong, dtype), self.share(kind, criterion, right, dtype)

    def assay(self, of: Iterable[Variant], dtype: str | None = None) -> Share:
        """Count what the quick profile catches of wrong variants, in that dtype or in any."""
        every = list(of)
        caught = [
            any(clauses for key, clauses in self.clauses[each.name].items() if dtype in (None, key)) for each in every
        ]
        return Share(sum(caught), len(every))

    def failed(self, dtype: str | None = None) -> Share:
        """Count what the standard profile fails of right variants, in that dtype or in any."""
        every = variants(wrong=False) if dtype is None else in_dtype(variants(wrong=False), dtype)
        return Share(len({name for name, where in self.failures if dtype in (None, where)}), len(every))


def _sets(kinds: Any) -> dict[str, dict[str, set[str]]]:
    return {kind: {criterion: set(names) for criterion, names in of.items()} for kind, of in kinds.items()}


def at_home(criterion: Criterion, variant: Variant) -> bool:
    """Say whether the criterion has a rule and inputs for what the variant does."""
    component = COMPONENTS[variant.component]
    return (
        not variant.conventions
        and not is_of_an_option(variant)  # no rule here sets an option that few implementations take
        and not component.gives_data
        and (variant.component == "attention" or not criterion.attention_only)
        and (criterion.gradients or variant.vjp is None)
        and (not component.has_dtype or bool(set(variant.dtypes) & set(criterion.dtypes)))
    )


def domain(criterion: Criterion, *, wrong: bool) -> list[Variant]:
    """List the variants that are at home with the criterion."""
    return [each for each in variants(wrong=wrong) if at_home(criterion, each)]


def in_dtype(of: Iterable[Variant], dtype: str) -> list[Variant]:
    """Select the variants that are at home in the dtype."""
    return [each for each in of if COMPONENTS[each.component].has_dtype and dtype in each.dtypes]


def short(both: Sequence[Share]) -> str:
    """`97 %, 3 %`; a dash where there is nothing to count."""
    return ", ".join(each.short for each in both) if any(each.whole for each in both) else "-"


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Write a table in Markdown."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *(list(map(str, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main_table(measured: Measured) -> str:
    """Criterion by what it catches and what it fails, on its inputs and on ours."""
    every = variants(wrong=True)
    own = measured.assay(every)
    rows: list[list[object]] = [["**assay**, quick profile", own, own, measured.failed(), "", ""]]
    for each in CRITERIA:
        caught, failed = measured.both("theirs", each)
        rows.append(
            [
                each.name,
                caught,
                Share(caught.part, len(every)).short,
                failed,
                short(measured.both("ours", each)),
                short(measured.both("assay", each)),
            ]
        )
    heads = (
        "criterion",
        "wrong ones caught, of its domain",
        "of the whole catalogue",
        "right ones failed",
        "on assay's inputs: caught, right ones failed",
        "assay's bound on its inputs: caught, right ones failed",
    )
    return table(heads, rows)


def by_dtype(measured: Measured) -> str:
    """Write the shares of those that are at home in a dtype."""
    every = variants(wrong=True)
    own = [short((measured.assay(in_dtype(every, dtype), dtype), measured.failed(dtype))) for dtype in DTYPES]
    rows = [["**assay**, quick profile", *own]]
    for each in CRITERIA:
        cells = [short(measured.both("theirs", each, dtype=dtype)) if dtype in each.dtypes else "-" for dtype in DTYPES]
        rows.append([each.name, *cells])
    return table(("criterion", *DTYPES), rows)


def by_component(measured: Measured) -> str:
    """Write the shares of those of each component, for the criteria that have a rule for any."""
    general = [each for each in CRITERIA if not each.attention_only]
    rows = []
    for name in COMPONENTS:
        cells = [short(measured.both("theirs", each, component=name)) for each in general]
        rows.append([f"`{name}`", measured.assay(variants(name, wrong=True)), *cells])
    return table(("component", "**assay**", *(each.name for each in general)), rows)


def only_assay(measured: Measured) -> list[Variant]:
    """List the wrong variants that are at home with some criterion, but that none catches on its own inputs."""
    return [
        each
        for each in variants(wrong=True)
        if any(at_home(criterion, each) for criterion in CRITERIA)
        and not any(at_home(one, each) and measured.rejected("theirs", one, each) for one in CRITERIA)
    ]


def page() -> str:
    """Write the text of the page."""
    measured = Measured()
    every = variants(wrong=True)
    missed = only_assay(measured)
    away = [each for each in every if not any(at_home(criterion, each) for criterion in CRITERIA)]
    best = max(CRITERIA, key=lambda each: measured.both("theirs", each)[0].part)
    return TEXT.format(
        main=main_table(measured),
        dtypes=by_dtype(measured),
        components=by_component(measured),
        wrong=len(every),
        right=len(variants(wrong=False)),
        best=best.name,
        of_best=Share(measured.both("theirs", best)[0].part, len(every)),
        of_best_right=measured.both("theirs", best)[1],
        away=len(away),
        away_options=sum(map(is_of_an_option, away)),
        away_conventions=sum(bool(each.conventions) for each in away),
        right_conventions=sum(bool(each.conventions) for each in variants(wrong=False)),
        missed=len(missed),
        list="\n".join(f"| `{each.name}` | {each.component} | {each.sentence} |" for each in missed),
        sources=table(("criterion", "from"), ((each.name, each.source) for each in CRITERIA)),
        speed=_speed(),
        seeds=_seeds(),
        other_seeds=other_seeds.sentence(),
        few=few_sizes.sentence(),
        spared=_spared(),
    )


def _speed() -> str:
    """Say how long the first failure takes, and how often it is named."""
    found = measurements.read(first_failure.FILE)
    seconds = sorted(each["seconds"] for each in found.values() if each["clause"])
    named = Share(sum(each.get("looks_like") == name for name, each in found.items()), len(found))
    other = sum(each.get("looks_like") not in (None, name) for name, each in found.items())
    longest = max(each.get("diagnosis", 0.0) for each in found.values())
    return (
        f"The first failure comes after {seconds[len(seconds) // 2]:.2f} s in the median, {seconds[-1]:.0f} s at most "
        f"({sum(each > 10 for each in seconds)} take more than 10 s). Its diagnosis names the variant itself for "
        f"{named}, another one for {other}, and takes {longest:.1f} s at most."
    )


def _seeds() -> str:
    found = measurements.read(seeds.FILE)
    whole = len(found) * len(seeds.SEEDS)
    part = whole - sum(map(len, found.values()))
    names = [name for name, each in found.items() if each]
    missed = f"; what some of them miss is {', '.join(f'`{name}`' for name in names)}" if names else ""
    rate = f"{100 * part / whole:.2f} % ({part} of {whole}, of {len(found)} variants)"
    return f"With ten other seeds the quick profile catches {rate}{missed}."


def _spared() -> str:
    """Say how many cases right variants were judged on, and with how many seeds in every dtype of a component."""
    found = measurements.read(spared.FILE)
    examples = sum(each["examples"] for each in found.values())
    failures = sum(len(each["failures"]) for each in found.values())
    counts = Counter(tuple(key.split(" ")[:2]) for key in found)
    times = {
        name: min(counts[name, dtype] for dtype in (DTYPES if component.has_dtype else ("",)))
        for name, component in COMPONENTS.items()
    }
    counted = ", ".join(f"`{name}` {count}" for name, count in times.items() if count)
    never = ", ".join(f"`{name}`" for name, count in times.items() if not count)
    text = (
        f"Of the right ones, the standard profile judged {examples} cases, with so many seeds in every dtype: "
        f"{counted}. There were {failures} failures."
    )
    return (
        f"{text} Not judged with it so far, but with the quick profile's cases by the tests: {never}."
        if never
        else text
    )


TEXT: Final = (Path(__file__).parent / "detection_page.txt").read_text(encoding="utf-8")


def texts() -> dict[Path, str]:
    """Return the page's text, by its path."""
    return {PAGE: page()}


def main() -> None:
    """Draw the plot."""
    measured = Measured()
    plot(
        {
            "assay, quick profile": (measured.assay(variants(wrong=True)), measured.failed()),
            **{each.name: measured.both("theirs", each) for each in CRITERIA},
        },
        PLOT,
    )


if __name__ == "__main__":
    main()
