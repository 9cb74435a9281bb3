"""The report as JUnit XML."""

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from ...adapters.foreign_text import visible
from .explaining import looks_like, replay_command
from .locating import place_of
from .report import Report


def junit_text(reports: Sequence[Report], refused: Mapping[str, str] | None = None) -> bytes:
    """Write one suite an adapter, one test case a line that is offered.

    What was not judged is an error, lest half a run look whole. `refused` has the adapters that could not be loaded,
    and why.
    """
    root = ElementTree.Element("testsuites")
    for report in reports:
        _write_suite(ElementTree.SubElement(root, "testsuite"), report)
    for spec, why in (refused or {}).items():
        suite = ElementTree.SubElement(root, "testsuite", name=visible(f"assay {spec}"), tests="1", failures="0")
        suite.set("errors", "1")
        case = ElementTree.SubElement(suite, "testcase", classname="assay", name="load")
        ElementTree.SubElement(case, "error", message=visible(why))
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _write_suite(suite: ElementTree.Element, report: Report) -> None:
    done, left = [each for each in report.results if each.status != "not-offered"], report.left
    counts = {
        "tests": len(done) + len(left),
        "failures": len(report.failures),
        "errors": len(left),
        "skipped": sum(result.status != "pass" for result in done) - len(report.failures),
    }
    suite.set("name", visible(f"assay {report.offer.name}"))
    for name, count in counts.items():
        suite.set(name, str(count))

    def case(clause: str, component: str, dtype: str, seconds: float) -> ElementTree.Element:
        name = f"{clause}[{dtype}]" if dtype else clause
        classname = visible(f"assay.{report.offer.name}.{component}")
        made = ElementTree.SubElement(suite, "testcase", classname=classname, name=name, time=f"{seconds:.3f}")
        if place := place_of(report.opening.spec, component):
            made.set("file", visible(place[0]))
            made.set("line", str(place[1]))
        return made

    for result in done:
        made = case(result.clause, result.component, result.dtype, result.seconds)
        if result.status == "fail" and result.level == "required" and result.failure is not None:
            failure = ElementTree.SubElement(made, "failure", message=visible(result.failure.message))
            like = visible(looks_like(result.failure.looks_like)) + "\n" if result.failure.looks_like else ""
            failure.text = like + replay_command(report.opening, result)
        elif result.status != "pass":
            told = filter(None, (result.reason, result.failure.message if result.failure else None))
            ElementTree.SubElement(made, "skipped", message=visible(f"{result.status}: {'; '.join(told)}"))
    for line in left:
        made = case(line.clause.id, line.component, line.dtype, 0.0)
        ElementTree.SubElement(made, "error", message="not judged: the run was interrupted")
