"""README.md with its counts of variants, and with its table of criteria, from docs/detection/."""

import re
from pathlib import Path
from typing import Final

from criteria import CRITERIA
from detection_page import Measured, table
from detection_plot import Share

from assay.conformance.variants import variants

README: Final = Path(__file__).parent.parent / "README.md"
MARKS: Final = ("<!-- detection -->\n", "<!-- /detection -->\n")
"""What the table stands between."""


def texts() -> dict[Path, str]:
    """Return the page's text, by its path."""
    return {README: readme()}


def readme() -> str:
    """Write the README, with a short form of the main table of docs/detection.md."""
    measured = Measured()
    every = variants(wrong=True)
    own, failed = measured.assay(every), measured.failed()
    first = [*(f"**{own.short}**",) * 2, f"**{failed.short}** of {failed.whole}"]
    rows = [["**assay**, quick profile", *first]]
    for each in CRITERIA:
        caught, failed = measured.both("theirs", each)
        of_all = Share(caught.part, len(every)).short
        rows.append([each.name, f"{caught.short} of {caught.whole}", of_all, f"{failed.short} of {failed.whole}"])
    heads = ("criterion", "wrong ones caught, of its domain", f"of all {len(every)}", "right ones failed")
    before, _, rest = with_counts(README.read_text(encoding="utf-8")).partition(MARKS[0])
    return f"{before}{MARKS[0]}{table(heads, rows)}\n{MARKS[1]}{rest.partition(MARKS[1])[2]}"


def with_counts(text: str) -> str:
    """Write how many variants there are."""
    wrong, right = variants(wrong=True), variants(wrong=False)
    for count, words in (
        (len(wrong), "wrong implementations"),
        (sum(bool(each.seen_in) for each in wrong), "of them with bugs seen"),
        (len(right), "right ones that compute"),
    ):
        text, found = re.subn(rf"\d+(?= {words})", str(count), text)
        assert found == 1, f"README.md should say once how many {words!r} there are"
    return text
