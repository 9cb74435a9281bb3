"""`named.py`: which share of wrong kernels that are no variants of the catalogue is named rightly, or described.

Each kernel of `named_kernels.py` and `named_kernels_rows.py` is judged as `assay run` does with its default profile, in
this process, up to its first failure. It prints a line a kernel, and the share.
"""

import argparse
import re
import time
from types import SimpleNamespace

import named_kernels_rows  # noqa: F401 (it enters its kernels)
from named_kernels import KERNELS, Kernel

from assay.adapters.in_process import open_object
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.judging.judging import judge_clause
from assay.conformance.judging.plan import Selection, in_turn, plan
from assay.conformance.judging.result import Result


def first_failure(kernel: Kernel) -> Result | None:
    """Judge a kernel until a clause fails."""
    adapter = open_object(
        SimpleNamespace(dtypes=("float32",), conventions=kernel.conventions, **kernel.functions), kernel.name
    )
    lines = plan(adapter.offer, Selection(components=[kernel.component]), PROFILES["quick"])
    for line in in_turn(line for line in lines if line.offered and not line.waits):
        found = judge_clause(adapter, line.clause, line.component, line.dtype, PROFILES["quick"], seed=0)
        if found.failure is not None:
            return found
    return None


def main() -> None:
    """Judge every kernel, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="kernels, such as k07; all of them by default")
    chosen = parser.parse_args().names
    told, asked = 0, [each for each in KERNELS if not chosen or each.name in chosen]
    for kernel in asked:
        started = time.process_time()
        found = first_failure(kernel)
        said = f"{found.failure.looks_like or ''}; {found.failure.message}" if found and found.failure else "passes"
        right = re.search(kernel.due, said) is not None
        told += right
        seconds = time.process_time() - started
        print(f"{kernel.name} {'told' if right else '----'} {seconds:5.1f} s  {found and found.clause} {said}")
    print(f"{told} of {len(asked)} are told rightly")


if __name__ == "__main__":
    main()
