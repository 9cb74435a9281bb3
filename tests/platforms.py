"""What a test needs of the system: elsewhere it is skipped, and `pytest -rs` says why."""

import os
from pathlib import Path

import pytest

POSIX = pytest.mark.skipif(os.name != "posix", reason="this system has no signals, modes and named pipes of POSIX")
DEV = pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
