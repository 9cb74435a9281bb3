"""`claims_page.py`: the table of docs/claims.md, every figure measured anew."""

from pathlib import Path
from typing import Final

from assay.conformance.claims import table

PAGE: Final = Path(__file__).parent.parent / "docs" / "claims.md"
HEAD: Final = "| claim | measured | figure |\n"


def page() -> str:
    """Return the page with its table measured anew; what stands before it is written by hand."""
    before, _, _ = PAGE.read_text(encoding="utf-8").partition(HEAD)
    return before + "".join(f"{line}\n" for line in table())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
