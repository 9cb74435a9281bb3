"""What a process of its own costs a call: the worker's pipes against `--in-process`, beside two copies of what crosses.

    python benchmarks/isolation.py

The function copies its argument, so that nearly all of a call is assay's. Each figure is the least of many calls, since
a machine that does something else besides makes a call longer, never shorter. A copy is one of the argument and one of
the result, in the dtype of the call, to memory that is new.
"""

import contextlib
import functools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from assay.adapters import open_adapter

ADAPTER = """import numpy as np

def softmax(x):
    return np.exp(x * 0)
"""
SHAPES = {(2, 3): 300, (100, 100): 100, (1000, 1000): 40, (4000, 4000): 10}


def least(call: Callable[[], object], count: int) -> float:
    """Return the milliseconds of the fastest of so many calls."""
    call()
    times = []
    for _ in range(count):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times) * 1e3


def row(adapter: str, shape: tuple[int, int], count: int) -> str:
    """Measure one shape."""
    values, taken = np.zeros(shape), []
    for in_process in (True, False):
        with contextlib.closing(open_adapter(adapter, in_process=in_process)) as opened:
            taken.append(least(functools.partial(opened.call, "softmax", {"x": values}, dtype="float32"), count))
    sent = values.astype(np.float32)
    more, copies = taken[1] - taken[0], 2 * least(sent.copy, count)
    return f"| {shape} | {sent.nbytes:,} | {taken[0]:.2f} | {taken[1]:.2f} | {more:.2f} | {copies:.2f} |"


def main() -> None:
    """Print a table."""
    print("| shape, float32 | bytes each way | in process, ms | worker, ms | more, ms | two copies, ms |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "copies.py"
        file.write_text(ADAPTER, encoding="utf-8")
        for shape, count in SHAPES.items():
            print(row(str(file), shape, count))


if __name__ == "__main__":
    main()
