"""The files that `assay run` writes when it is asked to: which there are, and what stands in each."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...adapters.foreign_text import visible
from .allowances import allow_text
from .badge import badge_json, badge_svg
from .html_page import html_text
from .junit import junit_text
from .markdown import markdown_text
from .report import Report
from .report_files import write_whole
from .report_json import json_text
from .sarif import sarif_text

Refused = Mapping[str, str]
"""The adapters that could not be loaded, and why."""


@dataclass(frozen=True)
class Output:
    """One kind of file."""

    says: str
    """What `assay run --help` says of it."""
    text: Callable[[Sequence[Report], Refused], bytes]


OUTPUTS: Final[Mapping[str, Output]] = {
    "--json": Output("write the report", lambda reports, _: json_text(reports)),
    "--junit": Output("write the report as JUnit XML", junit_text),
    "--markdown": Output("write the report in Markdown", markdown_text),
    "--html": Output("write the report as one page, with pictures of what is wrong", html_text),
    "--sarif": Output("write the violations in SARIF 2.1.0", sarif_text),
    "--badge": Output("write a badge: SVG, if the name ends in .svg, or JSON for shields.io", badge_json),
    "--write-allow": Output("write what fails now as a list for --allow", lambda reports, _: allow_text(reports)),
}


def files_of(parsed: argparse.Namespace) -> dict[str, Path | None]:
    """Return the files that are asked for, by their options."""
    return {option: getattr(parsed, option[2:].replace("-", "_")) for option in OUTPUTS}


def write_outputs(files: Mapping[str, Path | None], reports: Sequence[Report], refused: Refused) -> list[str]:
    """Write every file that is asked for; return a sentence about each that could not be written."""
    unwritten = []
    for option, path in files.items():
        try:
            if path is not None:
                text = badge_svg if option == "--badge" and path.suffix == ".svg" else OUTPUTS[option].text
                write_whole(path, text(reports, refused))
        except OSError as error:
            unwritten.append(f"the report cannot be written to {visible(path)}: {error.strerror}")
        except Exception as error:  # a mistake of ours in one kind of file must not take the verdict along
            mistake = f"{type(error).__name__}: {error}"
            unwritten.append(f"{option} {visible(path)} cannot be made, please report it: {visible(mistake)}")
    return unwritten
