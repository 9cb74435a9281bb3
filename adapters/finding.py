"""From the name of an adapter to the Python object: built in, registered, a file, or a module.

    torch                    a file of `library/`, or a name of the entry-point group `assay.adapters`
    path/to/file.py[:object]
    package.module[:object]

They are tried in that order.
"""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from . import library
from .declaration import AdapterError, suggestion, text_of

GROUP: Final = "assay.adapters"
"""The entry-point group in which other packages register adapters."""

FILE: Final = re.compile(r"(?P<path>.+\.py)(?::(?P<object>[\w.]+))?", re.DOTALL)
MODULE: Final = re.compile(r"(?P<module>[A-Za-z_]\w*(?:\.\w+)*)(?::(?P<object>[\w.]+))?")


@dataclass(frozen=True)
class Found:
    """An object that offers component functions, not yet checked."""

    name: str
    target: Any
    module: Any
    """Where a bare function takes its declarations from."""


def find(spec: str) -> Found:
    """Find the object that an ADAPTER names."""
    if file := FILE.fullmatch(spec):
        module = _import_file(file["path"])
        target = _member(module, file["object"], file["path"])
        return Found(Path(file["path"]).stem + (f":{file['object']}" if file["object"] else ""), target, module)
    if built_in := find_built_in(spec):
        return built_in
    for point in importlib.metadata.entry_points(group=GROUP, name=spec):
        with _one_sentence(f"the adapter {spec!r}, registered as {point.value}"):
            target = point.load()
        return Found(spec, target, target)
    return _find_module(spec)


def built_in_modules() -> Iterator[tuple[str, ModuleType]]:
    """(file name with hyphens, module) of every adapter in `library/`; none of them imports its framework here."""
    for entry in sorted(pkgutil.iter_modules(library.__path__), key=lambda entry: entry.name):
        if not entry.name.startswith("_"):
            yield entry.name.replace("_", "-"), importlib.import_module(f"{library.__name__}.{entry.name}")


def built_in_adapters() -> Iterator[Found]:
    """Find every built-in adapter: a file, or the several objects that a file names in `adapters`."""
    for name, module in built_in_modules():
        for each, target in getattr(module, "adapters", {name: module}).items():
            yield Found(each, target, module)


def find_built_in(name: str) -> Found | None:
    """Return the built-in adapter of that name, if there is one."""
    return next((found for found in built_in_adapters() if found.name == name), None)


def _find_module(spec: str) -> Found:
    known = [found.name for found in built_in_adapters()]
    known += [point.name for point in importlib.metadata.entry_points(group=GROUP)]
    hint = suggestion(spec, known) or f"; a name is one of {', '.join(known)}, and a file ends in .py"
    wrong = AdapterError(f"there is no adapter {spec!r}{hint}")
    match = MODULE.fullmatch(spec)
    if match is None:
        raise wrong
    # A user's module lies where he stands; last, so that it hides no installed one.
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        present = importlib.util.find_spec(match["module"]) is not None
    except ImportError:
        present = False
    if not present:
        raise wrong
    with _one_sentence(f"the module {match['module']}"):
        module = importlib.import_module(match["module"])
    return Found(spec, _member(module, match["object"], match["module"]), module)


def _import_file(given: str) -> ModuleType:
    path = Path(given).resolve()
    if not path.is_file():
        raise AdapterError(f"there is no file {given}")
    # As `python file.py` would: its neighbours can be imported.
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    # Not under its own name: a file torch.py must not pass for torch.
    specification = importlib.util.spec_from_file_location(f"assay_adapter_{path.stem}", path)
    assert specification is not None  # the name ends in .py
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses and pickle look their module up
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        with _one_sentence(given, str(path)):
            specification.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = written
    return module


def _member(module: ModuleType, name: str | None, where: str) -> Any:
    target: Any = module
    for part in name.split(".") if name else ():
        if not hasattr(target, part):
            public = [known for known in dir(target) if not known.startswith("_")]
            raise AdapterError(f"{where} has no {name!r}{suggestion(part, public)}")
        target = getattr(target, part)
    return target


@contextlib.contextmanager
def _one_sentence(where: str, file: str | None = None) -> Iterator[None]:
    """Turn whatever an import raises into one sentence, with the line of the user's own file that led to it."""
    try:
        yield
    except AdapterError:
        raise
    except (Exception, SystemExit) as error:
        text = text_of(error).partition("\n")[0]
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        if isinstance(error, SyntaxError) and error.filename == file:
            text, lines = error.msg, [error.lineno]
        line = f" (line {lines[-1]})" if lines else ""
        raise AdapterError(f"{where} cannot be imported: {type(error).__name__}: {text}{line}") from error
