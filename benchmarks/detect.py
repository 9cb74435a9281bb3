"""`detect.py`: every variant before today's criteria, on their inputs and on ours; and before assay's bound on theirs.

It writes docs/detection/criteria.json; `detection_page.py` makes the page of it. Interrupted, it goes on where it
stopped; with --of COMPONENT or --only VARIANT ... it judges these anew, and keeps the rest. Variants with declared
conventions are left out, as these projects take others.
"""

import argparse
import json
import math
import time
import warnings
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Final

import measurements
import numpy as np
from criteria import CRITERIA, Criterion, Named, References
from criteria_inputs import Asked

from assay.adapters import Adapter, Reply, open_adapter
from assay.adapters.contract import DTYPES
from assay.conformance.cases.drawing import covering_cases, evenly_spaced
from assay.conformance.components import COMPONENTS
from assay.conformance.judging.catalogue import opened
from assay.conformance.judging.sharing import sharing
from assay.conformance.terms.subject import Subject
from assay.conformance.terms.trial import Trial
from assay.conformance.terms.verdict import Unsupported, Violation
from assay.conformance.variants import Variant, find, variants

FILE: Final = measurements.FOLDER / "criteria.json"
EAGER: Final = str(Path(__file__).parent / "eager.py")

ASKED: Final = 3
"""Questions of each criterion on a component other than attention."""
OURS: Final = 32
"""Cases of ours on which the other criteria are tried, spread over the covering set."""

LARGEST: Final = 512**2
"""Scores of a head for which assay bounds the gradients."""

Rejected = dict[str, dict[str, list[str]]]
"""`theirs`, `ours` or `assay` (its bound on their inputs); criterion: the variants rejected."""

Found = dict[str, Rejected]
"""Component and dtype, and what is rejected there."""


def answers(
    adapter: Adapter, name: str, asked: Asked, dtype: str, layouts: Mapping[str, str], *, backward: bool
) -> Any:
    """Return value and gradients by name; None if the adapter refuses, a word if it breaks."""
    given = (name, asked.inputs.arrays, asked.inputs.options)
    replies: list[Reply] = [adapter.call(*given, dtype=dtype, layouts=layouts)]
    if backward:
        replies.append(adapter.call(*given, dtype=dtype, layouts=layouts, cotangent=asked.cotangent))
    if any(reply.status == "unsupported" for reply in replies):
        return None
    if any(reply.status != "ok" for reply in replies):
        return "broken", {}
    arrays = {"": replies[0].value, **(replies[1].gradients if backward else {})}
    return replies[0].dtype, {key: array for key, array in arrays.items() if array is not None}


class Judge:
    """One component in one dtype before every criterion."""

    def __init__(self, name: str, dtype: str, only: Collection[str] = ()) -> None:
        """Open the variants that are at home there, or only some of them."""
        self.name, self.dtype, self.component = name, dtype, sharing(COMPONENTS[name])
        self.eager = open_adapter(EAGER, in_process=True)
        every = [each for each in variants(name) if not each.conventions and (not only or each.name in only)]
        self.adapters = list(opened(every, dtype))
        self.found: dict[str, dict[str, set[str]]] = {kind: defaultdict(set) for kind in ("theirs", "ours", "assay")}
        self.criteria = [
            each
            for each in CRITERIA
            if (name == "attention" or not each.attention_only) and (not dtype or dtype in each.dtypes)
        ]

    def references(self, asked: Asked, *, backward: bool) -> References | None:
        """Take the references from the eager formula, if it takes the call."""

        def answer(dtype: str) -> Named:
            # The arguments are exact in T, and so in whatever is wider.
            _, arrays = answers(self.eager, self.name, asked, dtype, {}, backward=backward) or ("", {})
            return arrays

        references = References(asked, self.dtype or "float32", answer)
        return references if references.of(references.dtype) else None

    def theirs(self) -> None:
        """Try each criterion on its own inputs, which some of them share, and assay's bound there."""
        kinds = defaultdict(list)
        for criterion in self.criteria:
            kinds[criterion.kind].append(criterion)
        for criteria in kinds.values():
            asked = 0
            for question in criteria[0].inputs(self.component, self.dtype):
                references = self.references(question, backward=self.component.gradient is not None)
                if references is None or (self.name != "attention" and asked == ASKED):
                    continue
                if not np.isfinite(references.of(references.dtype)[""]).all():
                    continue  # a row that sees no key: a test whose reference is NaN would not be kept
                asked += 1
                for variant, adapter in self.adapters:
                    self.judge("theirs", criteria, variant, adapter, question, references, {})
                    self.bound(criteria, variant, adapter, question)

    def ours(self) -> None:
        """Try every criterion on the same cases of ours."""
        every = [*self.component.probes(self.dtype), *covering_cases(COMPONENTS[self.name], self.dtype, 0)]
        for case in evenly_spaced(every, OURS):
            trial = Trial(Subject(self.eager), self.component, case)
            backward = self.component.gradient is not None and self.component.differentiated(case)
            question = Asked(trial.inputs, trial.cotangent if backward else np.zeros(0))
            references = self.references(question, backward=backward)
            if references is None:
                continue
            for variant, adapter in self.adapters:
                if backward or variant.vjp is None:
                    layouts = Trial(Subject(adapter), self.component, case).layouts(trial.inputs)
                    self.judge("ours", self.criteria, variant, adapter, question, references, layouts)

    def judge(
        self,
        kind: str,
        criteria: Sequence[Criterion],
        variant: Variant,
        adapter: Adapter,
        question: Asked,
        references: References,
        layouts: Mapping[str, str],
    ) -> None:
        """Note who rejects it; who has done so is not asked again."""
        waiting = [each for each in criteria if variant.name not in self.found[kind][each.name]]
        backward = variant.vjp is not None and any(each.gradients for each in waiting)
        reply = answers(adapter, self.name, question, self.dtype, layouts, backward=backward) if waiting else None
        if reply is None:
            return
        dtype, arrays = reply
        for criterion in waiting:
            seen = {key: array for key, array in arrays.items() if criterion.gradients or not key}
            right_dtype = not criterion.same_dtype or not self.dtype or dtype == self.dtype
            if not (right_dtype and seen and criterion.accepts(seen, references)):
                self.found[kind][criterion.name].add(variant.name)

    def bound(self, criteria: Sequence[Criterion], variant: Variant, adapter: Adapter, question: Asked) -> None:
        """Assay's rule on the same inputs: the statistical bound where it holds, else the worst case."""
        if variant.name in self.found["assay"][criteria[0].name]:
            return
        trial = Trial(Subject(adapter), self.component, covering_cases(COMPONENTS[self.name], self.dtype, 0)[0])
        trial.inputs, trial.cotangents = question.inputs, {"result": question.cotangent}
        try:
            rejected = trial.judge(trial.call(), statistical=question.generic).ratio > 1
            if not rejected and variant.vjp is not None and self.bounded(question):
                generic = question.generic and question.generic_cotangent
                rejected = trial.judge_gradients(trial.gradients(), statistical=generic).ratio > 1
        except Unsupported:
            return
        except Violation:
            rejected = True
        for criterion in criteria if rejected else ():
            self.found["assay"][criterion.name].add(variant.name)

    def bounded(self, question: Asked) -> bool:
        """Say whether the bound of the gradients fits into memory."""
        lengths = [array.shape[-2] for array in question.inputs.arrays.values() if array.ndim == 4]
        return math.prod(sorted(lengths)[-2:]) <= LARGEST


def judged(name: str, dtype: str, only: Collection[str] = ()) -> tuple[str, str, Rejected, float]:
    """Judge one component in one dtype, or some variants of it: kind, criterion, the variants that are rejected."""
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        judge = Judge(name, dtype, only)
        judge.theirs()
        judge.ours()
    found = {kind: {key: sorted(names) for key, names in of.items()} for kind, of in judge.found.items()}
    return name, dtype, found, time.monotonic() - started


def jobs() -> Iterator[tuple[str, str]]:
    """List every component whose result is an array, in every dtype."""
    for name, component in COMPONENTS.items():
        if not component.gives_data:
            yield from ((name, dtype) for dtype in (DTYPES if component.has_dtype else ("",)))


def _merged(before: Rejected, now: Rejected, anew: Collection[str]) -> Rejected:
    """Replace what is said of some variants."""
    return {
        kind: {
            criterion: sorted({*before[kind][criterion]} - {*anew} | {*now[kind].get(criterion, ())})
            for criterion in before[kind]
        }
        for kind in before
    }


NAMES: Final = [each.name for each in CRITERIA]


def written(found: Found) -> str:
    """Write the text of the file: the criteria that reject each variant have numbers, which make it a tenth as long."""
    lines = [f'  "criteria": {json.dumps(NAMES)}']
    for key in map(" ".join, jobs()):
        if key in found:
            kinds = {kind: defaultdict(list) for kind in found[key]}
            for kind, by_criterion in found[key].items():
                for criterion, names in sorted(by_criterion.items(), key=lambda item: NAMES.index(item[0])):
                    for name in names:
                        kinds[kind][name].append(NAMES.index(criterion))
            lines.append(f"  {json.dumps(key)}: {json.dumps(kinds, separators=(',', ':'), sort_keys=True)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read() -> Found:
    """Read the file."""
    data = measurements.read(FILE)
    names = data.pop("criteria")
    found = {
        key: {
            kind: {
                criterion: [name for name, numbers in rejected.items() if number in numbers]
                for number, criterion in enumerate(names)
            }
            for kind, rejected in kinds.items()
        }
        for key, kinds in data.items()
    }
    return measurements.Entries(found, FILE, "criteria")


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge, and write after each of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=2, metavar="PROCESSES")
    measurements.add_choice(parser)
    options = parser.parse_args(arguments)
    found = read() if FILE.exists() else {}
    of = {*options.of, *(find(each).component for each in options.only)}
    due = [each for each in jobs() if (each[0] in of if of else " ".join(each) not in found)]
    with ProcessPoolExecutor(options.n) as pool:
        waiting = [pool.submit(judged, *each, () if each[0] in options.of else options.only) for each in due]
        for number, done in enumerate(as_completed(waiting), 1):
            name, dtype, of, seconds = done.result()
            found[f"{name} {dtype}"] = of if not options.only else _merged(found[f"{name} {dtype}"], of, options.only)
            measurements.write(FILE, written(found))
            print(f"{number}/{len(waiting)} {name} {dtype} {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
