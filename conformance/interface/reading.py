"""Files that a user names: texts of bearable length, with or without the byte-order mark that Windows writes."""

from pathlib import Path
from typing import Final

from .options import UsageError

_LONGEST: Final = 2**26
"""In bytes; a report of everything has 2 million."""


def read_text(path: Path, failing: str) -> str:
    """Read a text; `UsageError`, which begins with `failing`, if it cannot be had."""
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST + 1)
        if len(data) > _LONGEST:
            raise UsageError(f"{failing}: it is longer than {_LONGEST >> 20} MiB")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{failing}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{failing}: it is no text in UTF-8") from None
