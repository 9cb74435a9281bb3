"""What MkDocs is told beside `mkdocs.yml`: the pages that are made, and links that leave docs/.

The README is the home page; CONTRIBUTING.md and CHANGELOG.md lie at the top of the repository, too. `reference.py`
makes pages of the code, and `reports.py` of docs/results/. A link to any other file of the repository leads to a page
that shows the file.
"""

import posixpath
import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from reference import reference_pages
from reports import index_of_reports, report_pages

ROOT: Final = Path(__file__).parents[2]
AT_THE_TOP: Final = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md"}
"""Pages at the top of the repository, and what they are called here."""
BESIDE: Final = ("site.css", "iframe-worker.js")

_LINK: Final = re.compile(r"(\]\()(?![a-z]+:|#|/)([^)#\s]+)")
_FENCED: Final = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_LANGUAGES: Final = {".py": "python", ".md": "markdown", ".yml": "yaml", ".toml": "toml", ".json": "json"}

_PACKAGES: Final = ROOT / "build" / "packages"
"""Where mkdocstrings finds the code under the names that it has once it is installed (`mkdocs.yml`, paths)."""


def on_startup(*, command: str, dirty: bool) -> None:
    """Lay the three rooms where they are found as parts of `assay`."""
    (_PACKAGES / "assay").mkdir(parents=True, exist_ok=True)
    for room in ("oracle", "conformance", "adapters"):
        link = _PACKAGES / "assay" / room
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT / room)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/."""
    made: dict[str, str | bytes] = {
        name: (ROOT / source).read_text(encoding="utf-8") for source, name in AT_THE_TOP.items()
    }
    made |= {name: Path(__file__).with_name(name).read_bytes() for name in BESIDE}
    made |= reference_pages() | report_pages(ROOT / "docs" / "results")
    for name, content in made.items():
        files.append(File.generated(config, name, content=content))
    for name in sorted(_shown(files)):
        fence = f"# {name}\n\n~~~ {_LANGUAGES.get(Path(name).suffix, 'text')}\n{(ROOT / name).read_text()}\n~~~\n"
        page = File.generated(config, f"source/{name}.md", content=fence, inclusion=InclusionLevel.NOT_IN_NAV)
        files.append(page)
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead every link to where its file is on the site."""
    at = page.file.src_uri
    if at in ("index.md", "tutorial.md"):
        page.meta["hide"] = ["navigation"]  # it is alone in its part
    if at == "results/README.md":
        markdown += index_of_reports(ROOT / "docs" / "results")
    if at.startswith(("source/", "reference/")):
        return markdown

    def led(link: re.Match[str]) -> str:
        target = _on_the_site(_in_the_repository(at, link[2]))
        return link[1] + posixpath.relpath(target, posixpath.dirname(at) or ".")

    parts = _FENCED.split(markdown)
    parts[::2] = [_LINK.sub(led, part) for part in parts[::2]]
    return "".join(parts).replace("<details>", '<details markdown="1">')


def _in_the_repository(at: str, link: str) -> str:
    """Name the file to which a page links, from the root of the repository."""
    folder = "." if at in AT_THE_TOP.values() else posixpath.dirname(f"docs/{at}")
    return posixpath.normpath(posixpath.join(folder, link))


def _on_the_site(name: str) -> str:
    """Say where on the site a file of the repository is, or its page."""
    if (ROOT / name / "README.md").exists():
        name = f"{name}/README.md"
    if name in AT_THE_TOP:
        return AT_THE_TOP[name]
    return name.removeprefix("docs/") if name.startswith("docs/") else f"source/{name}.md"


def _shown(files: Files) -> set[str]:
    """Name the files outside docs/ to which a page links; MkDocs says which of the others are not there."""
    linked = {
        _in_the_repository(file.src_uri, link)
        for file in files.documentation_pages()
        for part in _FENCED.split(file.content_string)[::2]
        for _, link in _LINK.findall(part)
    }
    return {name for name in linked if _on_the_site(name).startswith("source/") and (ROOT / name).is_file()}
