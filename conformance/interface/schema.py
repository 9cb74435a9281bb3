"""The schema of a report, `report.schema.json`, and the check of data against it.

Of JSON Schema 2020-12 the check knows the keywords that the schema uses, so that reading a report needs no library;
tests compare it with one.
"""

import functools
import importlib.resources
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

_LARGEST: Final = sys.float_info.max

_KINDS: Final[Mapping[str, Callable[[object], bool]]] = {
    "object": lambda data: isinstance(data, dict),
    "array": lambda data: isinstance(data, list),
    "string": lambda data: isinstance(data, str),
    "boolean": lambda data: isinstance(data, bool),
    "null": lambda data: data is None,
    # JSON has numbers of any length; those that no float holds are none of ours.
    "number": lambda data: (
        isinstance(data, int | float) and not isinstance(data, bool) and -_LARGEST <= data <= _LARGEST
    ),
    "integer": lambda data: isinstance(data, int) and not isinstance(data, bool) and -_LARGEST <= data <= _LARGEST,
}


@functools.cache
def report_schema() -> Mapping[str, Any]:
    """Read the schema of `assay-report/1`."""
    found: Mapping[str, Any] = json.loads(
        importlib.resources.files(__package__).joinpath("report.schema.json").read_text(encoding="utf-8")
    )
    return found


def fault(data: object, rules: Mapping[str, Any] | None = None, where: str = "report") -> str | None:
    """Return the first thing that is against the rules, which are those of a report; None if nothing is."""
    rules = report_schema() if rules is None else rules
    if "$ref" in rules:
        return fault(data, report_schema()["$defs"][rules["$ref"].rpartition("/")[2]], where)
    if "anyOf" in rules:
        faults = [fault(data, each, where) for each in rules["anyOf"]]
        return None if None in faults else faults[-1]
    kinds = rules.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_KINDS[kind](data) for kind in kinds):
        return f"{where} should be {' or '.join(kinds)}, not {data!r:.100}"
    allowed = [rules["const"]] if "const" in rules else rules.get("enum")
    # In Python, unlike in JSON, True is 1.
    if allowed is not None and not any(data == each and type(data) is type(each) for each in allowed):
        return f"{where} should be {' or '.join(map(json.dumps, allowed))}, not {data!r:.100}"
    if "minimum" in rules and data is not None and data < rules["minimum"]:
        return f"{where} should be at least {rules['minimum']}, not {data!r:.100}"
    return _fault_inside(data, rules, where)


def _fault_inside(data: object, rules: Mapping[str, Any], where: str) -> str | None:
    if isinstance(data, list):
        if not rules.get("minItems", 0) <= len(data) <= rules.get("maxItems", len(data)):
            return f"{where} has {len(data)} items"
        faults = (fault(each, rules.get("items", {}), f"{where}[{place}]") for place, each in enumerate(data))
        return next(filter(None, faults), None)
    if not isinstance(data, dict):
        return None
    for name in rules.get("required", []):
        if name not in data:
            return f"{where} has no {name!r}"
    known, others = rules.get("properties", {}), rules.get("additionalProperties", {})
    if others is False and (unknown := next((name for name in data if name not in known), None)) is not None:
        return f"{where} has an unknown {unknown!r:.100}"
    faults = (fault(each, known.get(name, others), f"{where}[{name!r}]") for name, each in data.items())
    return next(filter(None, faults), None)
