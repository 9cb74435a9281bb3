"""`check_distributions.py CHECKOUT SDIST WHEEL`: nothing of the checkout is missing in either."""

import sys
import tarfile
import zipfile
from pathlib import Path

FOLDERS = ("oracle", "conformance", "adapters")


def main(checkout: str, *distributions: str) -> None:
    """Exit with what is missing."""
    root = Path(checkout)
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    files = {name for name in files if not name.startswith("build/") and ".egg-info/" not in name}
    files = {name for name in files if "__pycache__" not in name and "_cache/" not in name}
    files = {name for name in files if not name.startswith(".hypothesis/")}  # the tests ran before
    packages = {f"assay/{name}" for name in files if name.startswith(tuple(f"{folder}/" for folder in FOLDERS))}
    for distribution in distributions:
        if distribution.endswith(".whl"):
            with zipfile.ZipFile(distribution) as wheel:
                there, due = set(wheel.namelist()), packages
        else:
            with tarfile.open(distribution) as sdist:
                there, due = {name.partition("/")[2] for name in sdist.getnames()}, files - {".gitignore"}
        if missing := sorted(due - there):
            sys.exit(f"{Path(distribution).name} lacks {', '.join(missing)}")
        print(f"{Path(distribution).name}: all {len(due)} files are there")


main(*sys.argv[1:])
