"""`few_sizes.py`: every wrong variant in float32 before the quick profile as an adapter with `sizes = "few"` gets it.

It writes docs/detection/few_sizes.json: for each that a clause catches with all sizes, whether one does then.
With --of COMPONENT it judges the variants of this component anew, with --only VARIANT ... these variants.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, Final

import clause_table
import measurements

FILE: Final = measurements.FOLDER / "few_sizes.json"
DTYPES: Final = ("float32", "")
"""The second is that of components without one."""


def sentence() -> str:
    """Say in a sentence what the file holds."""
    found = measurements.read(FILE)
    missed, whole = [name for name, caught in found.items() if not caught], len(found)
    names = f": it misses {', '.join(f'`{name}`' for name in missed)}" if missed else ""
    return (
        f'For an adapter with `sizes = "few"` the quick profile catches {whole - len(missed)} of the {whole} that it '
        f"catches in float32 with all sizes{names}."
    )


def main(arguments: Any = None) -> None:
    """Judge and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    measurements.add_choice(parser)
    parser.add_argument("-n", type=int, default=2, metavar="PROCESSES")
    options = parser.parse_args(arguments)
    names = measurements.chosen(options)
    known = {name for name, of in clause_table.read().items() if any(of.get(dtype) for dtype in DTYPES)}
    started, caught = time.monotonic(), set[str]()
    with ProcessPoolExecutor(options.n) as pool:
        waiting = {
            pool.submit(clause_table.caught, name, dtype, 0, names, sizes="few"): (name, dtype)
            for name, dtype in clause_table.jobs(names)
            if dtype in DTYPES
        }
        for number, done in enumerate(as_completed(waiting), 1):
            caught |= {variant for variant, of in done.result().items() if any(of.values())}
            print(f"{number}/{len(waiting)} {' '.join(waiting[done])} {time.monotonic() - started:.0f} s", flush=True)
    found = measurements.read(FILE) | {name: name in caught for name in names}
    found = measurements.in_order({name: each for name, each in found.items() if name in known})
    measurements.write(FILE, measurements.lined(found))


if __name__ == "__main__":
    main()
