"""Where the figures of docs/detection.md lie, and the form of their files: a JSON object, an entry a line."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent.parent / "docs" / "detection"


def lined(entries: Mapping[str, Any]) -> str:
    """Write the object as text in which a change of one entry is a change of one line."""
    return "{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items()) + "\n}\n"


def read(path: Path) -> Any:
    """Read what a file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def write(path: Path, text: str) -> None:
    """Write a file in UTF-8."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
