"""The command `assay` from its first moment: importing takes most of a second, in which it may be interrupted, too."""

import sys
from typing import Final, NoReturn

_INTERRUPTED: Final = 130


def main() -> NoReturn:
    """Import the command, and run it."""
    try:
        from .command_line import main as command

        command()
    except KeyboardInterrupt:
        print("assay: interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(_INTERRUPTED)
