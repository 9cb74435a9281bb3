"""`cost_page.py`: docs/cost.md, what judging attention costs beside computing it, in time of one core and in memory.

The case is judged as ALL-12 judges it: chosen rows against their bounds, every element against its limits. The oracle
over all rows is compared with torch in float64, in the same run.
"""

import contextlib
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are loaded

import numpy as np
import torch

from assay.adapters import Opening
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.terms.checking import check
from assay.conformance.terms.subject import Subject
from assay.conformance.terms.trial import Trial
from assay.oracle.attention import attention
from assay.oracle.attention_bound import attention_bound
from assay.oracle.rounding.numerics import precision_classes

PAGE: Final = Path(__file__).parent.parent / "docs" / "cost.md"
HEAD: Final = "| queries x keys |"
SHAPES: Final = ((1024, 1024), (4096, 4096), (8192, 8192), (256, 16_384), (256, 65_536), (256, 131_072))
LENGTHS: Final = (2048, 8192)


def seconds(run: Callable[[], object], repeats: int) -> float:
    """Measure the processor's time of the fastest of some runs."""
    found = []
    for _ in range(repeats):
        started = time.process_time()
        run()
        found.append(time.process_time() - started)
    return min(found)


def judged(repeats: int) -> Iterator[str]:
    """List a line for each shape, in float32."""
    yield f"{HEAD} torch, s | drawing, s | judging, s | judging / torch | memory beside the arrays, MiB |"
    yield "|---" * 6 + "|"
    clause = CLAUSES["ALL-12"]
    with contextlib.closing(Opening("torch", in_process=True).open()) as adapter:
        for queries, keys in SHAPES:
            case = COMPONENTS["attention"].plainest("float32").but(L_q=queries, L_k=keys, d_k=64, d_v=64)
            trial = Trial(Subject(adapter), COMPONENTS["attention"], case)
            drawing = seconds(lambda trial=trial: trial.component.make(trial.case), 1)
            arrays = [torch.from_numpy(each).float() for each in trial.inputs.arrays.values()]
            own = seconds(lambda arrays=arrays: torch.nn.functional.scaled_dot_product_attention(*arrays), repeats)
            reply = trial.reply()
            trial.ask = lambda *_, reply=reply: reply  # type: ignore[method-assign]
            tracemalloc.start()
            outcome = check(clause, trial)
            peak = tracemalloc.get_traced_memory()[1] / 2**20
            tracemalloc.stop()
            assert outcome.passed, outcome
            judging = seconds(lambda trial=trial: check(clause, _anew(trial)), repeats)
            numbers = f"{own:.3f} | {drawing:.3f} | {judging:.3f} | {judging / own:.1f} | {peak:.0f}"
            yield f"| {queries} x {keys} | {numbers} |"


def _anew(trial: Trial) -> Trial:
    """Give the trial without the bounds that it has kept."""
    fresh = Trial(trial.subject, trial.component, trial.case)
    fresh.inputs, fresh.ask = trial.inputs, trial.ask  # type: ignore[method-assign]
    return fresh


def of_oracle(repeats: int) -> Iterator[str]:
    """List a line for each length, over all rows."""
    yield "| all rows, d = 64 | torch in float64, s | oracle / torch | bound / torch |"
    yield "|---" * 4 + "|"
    numerics = precision_classes("float32")[0][1]
    for length in LENGTHS:
        generator = np.random.default_rng(0)
        arrays: list[Any] = [generator.standard_normal((1, 1, length, 64)) for _ in range(3)]
        tensors = list(map(torch.from_numpy, arrays))
        for causal in (False, True):
            torchs = seconds(
                lambda c=causal, t=tensors: torch.nn.functional.scaled_dot_product_attention(*t, is_causal=c), repeats
            )
            oracle = seconds(lambda c=causal, a=arrays: attention(*a, causal=c), repeats)
            bound = seconds(lambda c=causal, a=arrays: attention_bound(*a, causal=c, numerics=numerics), repeats)
            words = f"{length} x {length}{', causal' if causal else ''}"
            yield f"| {words} | {torchs:.3f} | {oracle / torchs:.1f} | {bound / torchs:.1f} |"


def main() -> None:
    """Write the page; what stands before its tables is written by hand."""
    before, _, _ = PAGE.read_text(encoding="utf-8").partition(HEAD)
    lines = [*judged(3), "", *of_oracle(2)]
    PAGE.write_text(before + "".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
