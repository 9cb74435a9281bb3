"""`reliability_page.py`: docs/reliability.md, what was tried to break or to fool assay, and what came of it."""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from tricks import Seen, Trick, granted, tried  # noqa: E402
from tricks.page import EVERY, text  # noqa: E402


def seen(trick: Trick) -> Seen:
    """Let it try, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return tried(trick, Path(folder))


def main() -> None:
    """Write the page, on a system that grants what every trick needs."""
    if lacking := {trick.needs for trick in EVERY if trick.needs} - granted():
        sys.exit(f"this system does not grant: {', '.join(sorted(lacking))}")
    (ROOT / "docs" / "reliability.md").write_text(text(seen), encoding="utf-8")


if __name__ == "__main__":
    main()
