"""The packages to install: each folder of the three rooms, under `assay`, which is none of their folders.

pyproject.toml holds everything else. It could only list the packages one by one.
"""

from setuptools import find_packages, setup

ROOMS = ("oracle", "conformance", "adapters")
FOLDERS = find_packages(include=[pattern for room in ROOMS for pattern in (room, f"{room}.*")])

setup(packages=[f"assay.{folder}" for folder in FOLDERS])
