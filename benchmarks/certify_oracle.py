"""`certify_oracle.py [--check]`: every function of the oracle against its formula in arbitrary precision.

It writes docs/certificate.md, or with --check compares it with what it would write. With --of COMPONENT it measures the
functions of this component, and takes the rows of the others from the page as it is. Exit status 1 if a limit is
exceeded, a function has no row, or the page is another. Another processor or numpy may round exp and sums otherwise,
and so change last digits of the page; the limits hold everywhere.
"""

import argparse
import inspect
import platform
import re
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

import measurements
import mpmath
import numpy as np
from arbitrary_precision_cases import PLANS
from arbitrary_precision_measures import Row, gradient_row, value_row
from arbitrary_precision_positions import FUNCTION, SAMPLES, position_row

from assay import oracle
from assay.conformance.components import COMPONENTS

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "docs" / "certificate.md"

OWN_PART: Final = 0.5
"""W of float64 allows the implementation and the oracle an error each, so that half of it is the oracle's."""

ULPS: Final = {"positional_encoding": 1.0, FUNCTION: 1.0, "learning_rate": 1.0}
"""What the oracle promises besides, in units in the last place."""

NATURAL: Final = 8.0
"""Of attention: in 2^-52 max(|y|, mean |v|), where scores are ordinary."""
EXTRAORDINARY: Final = ("large", "saturated")
"""Regimes of attention in which the scores are so large that their own rounding, eps |s|, is more than that."""


ALL_DIGITS: Final = 2.0**52
"""So many units in the last place are as much as the number itself."""


def functions() -> list[str]:
    """List the public functions of the oracle that compute a formula or a gradient of one."""
    named = [name for name, each in vars(oracle).items() if inspect.isfunction(each) and not name.startswith("_")]
    return [name for name in named if not name.endswith("_bound") and name != "precision_classes"]


DISCRETE: Final = (
    "beam_search",
    "beam_search_outcomes",
    "every_hypothesis",
    "tokenize",
    "detokenize",
    "learn_merges",
    "vocabulary_size",
)
"""Functions whose results are lists, texts and counts, without any rounding that could be certified."""


def without_plan() -> list[str]:
    """List the functions that this file does not know."""
    known = {*PLANS, *(f"{name}_vjp" for name in PLANS), FUNCTION, *DISCRETE}
    return [name for name in functions() if name not in known]


def lines_due() -> Iterator[tuple[str, str, int]]:
    """List function, regime and number of cases of every row of the table."""
    there = functions()
    for name, plan in PLANS.items():
        for function, cases in ((name, plan.cases), (f"{name}_vjp", plan.gradient_cases)):
            yield from ((function, regime, cases) for regime in plan.regimes if function in there)
    yield from ((FUNCTION, regime, cases) for regime, (_, cases) in SAMPLES.items())


def measured(function: str, regime: str, indices: range) -> Row:
    """Measure a row of the table from these cases."""
    if function == FUNCTION:
        return position_row(regime, indices)
    return (gradient_row if function.endswith("_vjp") else value_row)(function, regime, indices)


def component_of(function: str) -> str:
    """Name the component that a function of the oracle belongs to; empty if to none."""
    return max((name for name in COMPONENTS if f"{function}_".startswith(f"{name}_")), key=len, default="")


def published() -> dict[tuple[str, str], Row]:
    """Read the rows of the page, to two digits as it has them, by function and regime."""
    text = PAGE.read_text(encoding="utf-8")
    figures = r"Attention is within (\S+) eps .*?:\s+(\S+) and (\S+)\. There"
    ordinary, *extraordinary = map(float, re.search(figures, text, re.DOTALL).groups())
    natural = dict(zip(EXTRAORDINARY, extraordinary, strict=True))
    rows = {}
    for each in text.partition("## The table")[2].splitlines():
        if each.startswith("| `"):
            cells = [cell.strip(" `") for cell in each.split("|")[1:-1]]
            function, regime, cases, numbers, ulp, ratio, unbounded = cells
            row = Row(function, regime, int(cases), int(numbers), ALL_DIGITS if ulp == "all" else float(ulp))
            row.ratio, row.unbounded = float(ratio), int(unbounded)
            row.natural = natural.get(regime, ordinary) if function == "attention" else 0.0
            rows[function, regime] = row
    return rows


def broken(row: Row) -> list[str]:
    """Say which limits a row exceeds, each in a sentence."""
    sentences = []
    if row.ratio > OWN_PART:
        sentences.append(f"{row.ratio:.3g} of W, more than {OWN_PART}, in case {row.worst}")
    if row.ulp > ULPS.get(row.function, float("inf")):
        sentences.append(f"{row.ulp:.3g} units in the last place, more than {ULPS[row.function]:g}")
    if row.natural > NATURAL and row.regime not in EXTRAORDINARY:
        sentences.append(f"{row.natural:.3g} of the natural scale, more than {NATURAL:g}")
    return [f"{row.function}, {row.regime}: {sentence}" for sentence in sentences]


def line(row: Row) -> str:
    """Write a row as the page has it."""
    ulp = "all" if row.ulp >= ALL_DIGITS else figure(row.ulp)
    counts = f"{row.cases} | {row.numbers}"
    return f"| `{row.function}` | {row.regime} | {counts} | {ulp} | {figure(row.ratio)} | {row.unbounded} |"


def figure(number: float) -> str:
    """Write two digits; 0 stands for what is left of 320 bits."""
    return f"{number:.2g}" if number > 1e-60 else "0"


TEXT: Final = """\
# Certificate of the oracle

assay's verdicts rest on the oracle: float64 formulas, and bounds. Here each of its functions is compared with the
paper's formula in arbitrary precision (320 bits, mpmath, one number after another), which shares no code with it.
Gradients are compared with a step along the imaginary axis of that formula, so that no derivative is taken on trust.
`python benchmarks/certify_oracle.py` writes this page anew, in about {minutes} on one core;
`python benchmarks/certify_oracle.py --check` compares it. `tests/test_certificate.py` repeats a part of it and holds
the page to its limits.

{versions}

## What holds

- Every number of every case is within half of W, the bound that a float64 implementation is held to. W allows for the
  rounding of both sides, so that half of it is the oracle's share. The largest part found is {ratio:.2g},
  among {numbers} numbers.
- Positional encoding is within 1 unit in the last place (ulp) up to position 10^7: {position:.2g} at most, in a
  sample of {positions} sines and cosines. Every position in every width is too many; the sample is random, and has for
  every channel of nine widths from 1 to 1024 ("hard") the positions whose angle is nearest to a multiple of pi/2, where
  an error of the angle shows most. Beyond, to 2^63, it is within 1 ulp and 2^-126; the rows "to 2^63" count what
  exceeds 2^-126.
- The learning rate is within 1 ulp: {rate:.2g} at most.
- Attention is within {natural:.2g} eps max(|y|, mean |v|), eps = 2^-52, where scores are ordinary; 8 are allowed. Where
  they are in the hundreds ("large") or thousands ("saturated"), their own rounding, eps |s|, moves the weights by more:
  {large:.2g} and {saturated:.2g}. There the bound W is what holds.

## How to read the table

An *ulp* is the distance of float64's neighbours at the exact result. Where a result cancels to nearly zero it is a tiny
unit, and the number of them large, without any fault; "all" says that no digit is left, as in p (g - sum p g) where one
p is nearly 1. W knows how much cancels. The last column counts the numbers for which it is infinite, since a step on
the way may overflow or leave no digit: nothing limits them here.

| regime | what the data are |
|---|---|
| normal | normal numbers; masks, scales, conventions and other options are drawn as well |
| large, saturated | 30 and 1000 times that |
| cancelling | sums of products whose terms cancel to 1e-9 of their size |
| offset | a million more than normal numbers |
| spread | magnitudes from 1e-8 to 1e8 |
| tiny, subnormal, limit | times 1e-60, times 2^-1060, times 1e150 |
| constant, zeros | all equal; each zero with probability 1/2, biases too, so that a ReLU meets exact zeros |
| masked, causal, ignored | entries of -inf, masks of 60 %, rows that see nothing; causal; targets that are ignored |
"""


def page(table: list[Row], minutes: str) -> str:
    """Write the whole page."""
    angles = [row for row in table if row.function == FUNCTION and "2^63" not in row.regime]
    attention = {row.regime: row.natural for row in table if row.function == "attention"}
    versions = (
        f"assay {version('assay')}, numpy {np.__version__}, mpmath {mpmath.__version__}, "
        f"Python {platform.python_version()}, {platform.machine()}."
    )
    text = TEXT.format(
        minutes=minutes,
        versions=versions,
        ratio=max(row.ratio for row in table),
        numbers=sum(row.numbers - row.unbounded for row in table),
        position=max(row.ulp for row in angles),
        positions=sum(row.numbers for row in angles),
        rate=max(row.ulp for row in table if row.function == "learning_rate"),
        natural=max(natural for regime, natural in attention.items() if regime not in EXTRAORDINARY),
        large=attention["large"],
        saturated=attention["saturated"],
    )
    columns = "function", "regime", "cases", "numbers", "largest error, ulp", "largest error / W", "W infinite"
    heading = f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|"
    lists = ", ".join(f"`{name}`" for name in DISCRETE)
    end = f"Not in the table, because nothing of their result is rounded: {lists}.\n"
    end += "These give lists, texts and counts; their own tests judge them, by brute force over small inputs."
    return f"{text}\n## The table\n\n{heading}\n" + "\n".join(map(line, table)) + f"\n\n{end}\n"


def main() -> None:
    """Measure all; write or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare the page instead of writing it")
    measurements.add_of(parser)
    options = parser.parse_args()
    begin, table = time.monotonic(), []
    kept = published() if options.of else {}
    for function, regime, cases in lines_due():
        if options.of and component_of(function) not in options.of:
            table += [kept[function, regime]] if (function, regime) in kept else []
            continue
        row = measured(function, regime, range(cases))
        table.append(row)
        print(f"[{time.monotonic() - begin:4.0f} s] {line(row)}", *broken(row), file=sys.stderr, flush=True)
    complaints = [sentence for row in table for sentence in broken(row)]
    complaints += [f"{name} has no row" for name in without_plan()]
    written = page(table, "five minutes")
    if not options.check:
        PAGE.write_text(written, encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != written:
        before = PAGE.read_text(encoding="utf-8").splitlines()
        changed = "\n".join(f"  {each}" for each in written.splitlines() if each not in before)
        complaints.append(f"{PAGE.name} is another; these lines would be new:\n{changed}")
    sys.exit("\n".join(complaints) or None)


if __name__ == "__main__":
    main()
