"""The report as JUnit XML."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from .explaining import looks_like, replay_command
from .report import Report

# What XML 1.0 has no way to hold; a message may quote anything.
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, reports: Sequence[Report]) -> None:
    """Write one suite an adapter, one test case a line."""
    root = ElementTree.Element("testsuites")
    for report in reports:
        done = report.results
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=_xml(f"assay {report.offer.name}"),
            tests=str(len(done)),
            failures=str(len(report.failures)),
            skipped=str(sum(result.status not in ("pass", "fail") for result in done)),
        )
        for result in done:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=_xml(f"assay.{report.offer.name}.{result.component}"),
                name=f"{result.clause}[{result.dtype}]" if result.dtype else result.clause,
                time=f"{result.seconds:.3f}",
            )
            if result.status == "fail" and result.level == "required" and result.failure is not None:
                failure = ElementTree.SubElement(case, "failure", message=_xml(result.failure.message))
                like = looks_like(result.failure.looks_like) + "\n" if result.failure.looks_like else ""
                failure.text = _xml(like + replay_command(report.opening, result))
            elif result.status != "pass":
                said = result.failure.message if result.failure else result.reason
                ElementTree.SubElement(case, "skipped", message=_xml(f"{result.status}: {said}"))
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _xml(text: str) -> str:
    return _NOT_XML.sub("?", text)
