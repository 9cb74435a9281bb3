"""`few_sizes.py`: every wrong variant in float32 before the quick profile as an adapter with `sizes = "few"` gets it.

It writes docs/detection/few_sizes.json: which of those that a clause catches with all sizes none catches then.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Final

import clause_table
import measurements

FILE: Final = measurements.FOLDER / "few_sizes.json"
DTYPES: Final = ("float32", "")
"""The second is that of components without one."""


def sentence() -> str:
    """Say in a sentence what the file holds."""
    found = measurements.read(FILE)
    missed, whole = found["missed"], found["variants"]
    names = f": it misses {', '.join(f'`{name}`' for name in missed)}" if missed else ""
    return (
        f'For an adapter with `sizes = "few"` the quick profile catches {whole - len(missed)} of the {whole} that it '
        f"catches in float32 with all sizes{names}."
    )


def main() -> None:
    """Judge and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=2, metavar="PROCESSES")
    options = parser.parse_args()
    known = {name for name, of in clause_table.read().items() if any(of.get(dtype) for dtype in DTYPES)}
    started, found = time.monotonic(), set[str]()
    with ProcessPoolExecutor(options.n) as pool:
        waiting = {
            pool.submit(clause_table.caught, name, dtype, 0, sizes="few"): (name, dtype)
            for name, dtype in clause_table.jobs(())
            if dtype in DTYPES
        }
        for number, done in enumerate(as_completed(waiting), 1):
            found |= {variant for variant, of in done.result().items() if any(of.values())}
            print(f"{number}/{len(waiting)} {' '.join(waiting[done])} {time.monotonic() - started:.0f} s", flush=True)
    measurements.write(FILE, measurements.lined({"variants": len(known), "missed": sorted(known - found)}))


if __name__ == "__main__":
    main()
