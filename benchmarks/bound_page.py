"""`bound_page.py`: the picture of README.md, and what it is made of.

docs/detection/bound.json has for each variant of attention what it gave for each input: the size of the values, length,
mask, and the largest error as a part of assay's bound and of allclose's; null is no number. docs/bound.svg draws it.
"""

import math
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import measurements

from assay.conformance.properties import worth
from assay.conformance.properties.drawing import svg
from assay.conformance.properties.worth import Result

DATA: Final = measurements.FOLDER / "bound.json"
PLOT: Final = Path(__file__).parent.parent / "docs" / "bound.svg"
WIDTH: Final = 7.5


def entries(results: list[Result]) -> dict[str, Any]:
    """Give an entry for each variant."""
    found: dict[str, Any] = defaultdict(lambda: {"wrong": False, "results": []})
    for each in results:
        numbers = [float(f"{ratio:.4g}") if math.isfinite(ratio) else None for ratio in (each.assay, each.allclose)]
        found[each.variant]["wrong"] = each.wrong
        found[each.variant]["results"].append([each.size, each.length, each.mask, *numbers])
    return dict(found)


def read() -> list[Result]:
    """Read what the file says."""
    return [
        Result(name, entry["wrong"], *each[:3], *(math.inf if ratio is None else ratio for ratio in each[3:]))
        for name, entry in measurements.read(DATA).items()
        for each in entry["results"]
    ]


def main() -> None:
    """Measure, write, and draw what was written."""
    measurements.write(DATA, measurements.lined(entries(worth.results(0))))
    measurements.write(PLOT, svg(worth.plot(read()), WIDTH))


if __name__ == "__main__":
    main()
