"""`power_page.py`: docs/power.md, how much the quick profile could have seen of torch; with --report, of a report.

A cell is the share of informative bounds over all clauses of a component that compare with them, in a format; beside
it stands the clause whose share is the smallest, and that share.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

PAGE: Final = Path(__file__).parent.parent / "docs" / "power.md"
HEAD: Final = "| component | clauses |"
DTYPES: Final = ("float64", "float32", "bfloat16", "float16")


def measured() -> Mapping[str, Any]:
    """Judge torch, and read the report; its violations are findings, and no error."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        command = [sys.executable, "-m", "assay.conformance.interface.command_line", "run", "torch", "-n", "auto"]
        subprocess.run([*command, "--json", str(file)], check=False, stdout=subprocess.DEVNULL)
        return dict(json.loads(file.read_text(encoding="utf-8")))


def table(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """List the lines of the table."""
    shares: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for each in results:
        if each.get("power") and each["level"] == "required":
            shares[each["component"]][each["dtype"]][each["clause"]] = each["power"]["informative"]
    lines = [f"{HEAD} {' | '.join(DTYPES)} |", "|---" * (2 + len(DTYPES)) + "|"]
    for component, of in shares.items():
        cells = [_cell(of.get(dtype, {})) for dtype in DTYPES]
        clauses = len({clause for each in of.values() for clause in each})
        lines.append(f"| {component} | {clauses} | {' | '.join(cells)} |")
    return lines


def _cell(shares: Mapping[str, float]) -> str:
    if not shares:
        return ""
    weakest = min(shares, key=lambda clause: shares[clause])
    mean = sum(shares.values()) / len(shares)
    return f"{mean:.0%}; {weakest} {shares[weakest]:.0%}"


def main() -> None:
    """Write the page; what stands before its table is written by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, metavar="FILE", help="a report of `assay run torch --json FILE`")
    given = parser.parse_args()
    report = json.loads(given.report.read_text(encoding="utf-8")) if given.report else measured()
    before, _, _ = PAGE.read_text(encoding="utf-8").partition(HEAD)
    PAGE.write_text(before + "".join(f"{line}\n" for line in table(report["results"])), encoding="utf-8")


if __name__ == "__main__":
    main()
