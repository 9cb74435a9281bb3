"""Which adapters there are, and why one is unavailable; imports no framework to tell."""

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass, field

from .finding import GROUP, built_in_adapters
from .loading import functions_of, install_command, installed_version, missing


@dataclass(frozen=True)
class Listed:
    """One line of `assay list`."""

    name: str
    source: str
    """`built-in`, or the object that an entry point names."""
    installed: bool = True
    package: str = ""
    version: str = ""
    install: str = ""
    """The command that installs what is missing; empty if nothing is."""
    framework: str = ""
    device: str = ""
    dtypes: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    conventions: Mapping[str, str] = field(default_factory=dict)


def available() -> list[Listed]:
    """List every adapter that has a name: the built-in ones, then those that other packages register.

    What a registered one offers is known only when it is opened: reading it would import its library.
    """
    listed = []
    for found in built_in_adapters():
        target = found.target
        framework = getattr(target, "framework", "numpy")
        package = getattr(target, "package", framework)
        absent = missing(target, framework)
        listed.append(
            Listed(
                found.name,
                "built-in",
                installed=not absent,
                package=package,
                version=installed_version(package),
                install=install_command(target, framework) if absent else "",
                framework=framework,
                device=getattr(target, "device", "cpu"),
                dtypes=tuple(getattr(target, "dtypes", ("float32",))),
                functions=tuple(functions_of(target)),
                conventions=dict(getattr(target, "conventions", {})),
            )
        )
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda point: point.name):
        package = point.dist.name if point.dist else ""
        listed.append(Listed(point.name, point.value, package=package, version=installed_version(package)))
    return listed
