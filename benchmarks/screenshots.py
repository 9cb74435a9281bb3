"""Pictures of the site and of the pages that assay writes, wide and narrow, light and dark, to be looked at.

    python benchmarks/screenshots.py FOLDER            # builds the site, and takes all
    python benchmarks/screenshots.py FOLDER --pages tutorial comparison
    python benchmarks/screenshots.py --for-docs        # those that docs/ shows, of the pages of today

A page that is wider than its window is named, and the exit status is 1: on a phone it would have to be pushed about. It
needs Chromium, and what `pip install '.[browser,docs,plots]'` brings.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

ROOT: Final = Path(__file__).parent.parent
SITE: Final = ROOT / "build" / "site"
PAGES: Final = {
    "home": SITE / "index.html",
    "tutorial": SITE / "tutorial.html",
    "adapters": SITE / "adapters.html",
    "clauses": SITE / "clauses.html",
    "command-line": SITE / "reference" / "command-line.html",
    "results": SITE / "results" / "index.html",
    "comparison": SITE / "results" / "comparison.html",
    "report": SITE / "results" / "torch.html",
    "properties": ROOT / "build" / "properties" / "index.html",
}
ASSAY: Final = (sys.executable, "-P", "-m", "assay.conformance.interface.command_line")
WIDTHS: Final = (1400, 400)
SCHEMES: Final = ("light", "dark")
TALLEST: Final = 2600
"""Pixels of height beyond which a page is cut."""


def picture(tab: Page, page: Path, width: int, file: Path) -> int:
    """Take a page, and return how many pixels it is wider than its window."""
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto(page.as_uri())
    tab.wait_for_timeout(500)  # the theme fades colours in
    height = min(tab.evaluate("document.documentElement.scrollHeight"), TALLEST)
    clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": height}
    tab.screenshot(path=file, full_page=True, clip=clip, animations="disabled")
    return int(tab.evaluate("document.documentElement.scrollWidth - innerWidth"))


def for_docs(browser: Browser) -> None:
    """Take the two pictures in docs/: the page of the tutorial's first run, and the reports side by side."""
    tab = browser.new_page(viewport={"width": 1000, "height": 640})
    with tempfile.TemporaryDirectory() as folder:
        tutorial = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
        kernel = Path(folder) / "my_attention.py"
        kernel.write_text(tutorial.partition("```python\n")[2].partition("```")[0], encoding="utf-8")
        subprocess.run([*ASSAY, "run", kernel.name, "-x", "--html", "report.html"], cwd=folder, check=False)
        compared = Path(folder) / "compared.html"
        reports = sorted((ROOT / "docs" / "results").glob("*.json"))
        subprocess.run([*ASSAY, "compare", *reports, "--html", compared], check=True, stdout=subprocess.DEVNULL)
        for name, page, heading in (
            ("tutorial-report", kernel.with_name("report.html"), "1 A query does not see its own position."),
            ("results-comparison", compared, "Every component"),
        ):
            tab.goto(page.as_uri())
            place = tab.get_by_role("heading", name=heading, exact=True)
            place.evaluate("heading => heading.scrollIntoView()")
            Image.open(io.BytesIO(tab.screenshot())).save(ROOT / "docs" / f"{name}.webp", quality=70)


def build() -> None:
    """Build the site, and the page of properties."""
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    mkdocs = [sys.executable, "-m", "mkdocs", "build", "-q", "--strict", "-f", ROOT / ".ci" / "site" / "mkdocs.yml"]
    subprocess.run(mkdocs, check=True, env=quiet)
    properties = [*ASSAY, "properties", "--out", PAGES["properties"].parent]
    subprocess.run(properties, check=True, stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir())


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=list(PAGES))
    parser.add_argument("--as-it-is", action="store_true", help="of the pages as they were built before")
    parser.add_argument("--for-docs", action="store_true", help="only the pictures that docs/ shows")
    given = parser.parse_args()
    if given.folder is None and not given.for_docs:
        parser.error("name a folder for the pictures, or say --for-docs")
    if not (given.as_it_is or given.for_docs):
        build()
    wide = []
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=shutil.which("chromium") or shutil.which("google-chrome"))
        if given.for_docs:
            for_docs(chromium)
            return
        given.folder.mkdir(parents=True, exist_ok=True)
        for scheme in SCHEMES:
            tab = chromium.new_context(color_scheme=scheme).new_page()
            for name in given.pages:
                for width in WIDTHS:
                    over = picture(tab, PAGES[name], width, given.folder / f"{name}-{width}-{scheme}.png")
                    if over > 0 and scheme == "light":
                        wide.append(f"{name} is {over} pixels wider than a window of {width}")
    print(*wide, sep="\n", end="\n" if wide else "")
    sys.exit(1 if wide else 0)


if __name__ == "__main__":
    main()
