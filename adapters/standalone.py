"""An adapter's function without assay: the lines of Python after which it can be called.

A file or a module of the user's is imported. What is built in is small: the source of the function is copied, with
that of the functions and classes beside it that it uses.
"""

import ast
import builtins
import importlib
import importlib.metadata
import inspect
import keyword
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from .declaration import AdapterError
from .finding import FILE, GROUP, MODULE, find_built_in
from .opening import Opening

_LIBRARY: Final = f"{__package__}.library"
_ASSAY: Final = __package__.partition(".")[0]
_MOST: Final = 160
"""Lines of source that are copied; a script of more is read by nobody."""


class NotStandaloneError(AdapterError):
    """The function cannot be had without assay: one sentence."""


@dataclass(frozen=True)
class Standalone:
    """How a function is had."""

    imports: Sequence[str]
    """Lines that stand first."""
    lines: Sequence[str]
    """What follows them."""
    call: str
    """The expression that is called."""
    vjp: str = ""
    """The same, of the adapter's own gradients; empty where it has none for certain."""
    names_vjp: bool = False
    """Whether its source speaks of them."""


def without_assay(opening: Opening, function: str) -> Standalone:
    """Say how a function of an adapter is had; nothing of the user's is imported here."""
    spec = opening.spec
    if spec.startswith("exec:"):
        raise NotStandaloneError(f"{spec} is a program of its own, which no script of Python calls")
    if file := FILE.fullmatch(spec):
        source = Path(file["path"]).read_text(encoding="utf-8", errors="replace")
        return _member(_file_lines(file["path"]), file["object"], function, opening, source)
    if built_in := find_built_in(spec):
        target = built_in.target if opening.component is not None else getattr(built_in.target, function)
        return _copied(target, function, hasattr(built_in.target, f"{function}_vjp"))
    for point in importlib.metadata.entry_points(group=GROUP, name=spec):
        return _member(_module_lines(point.module), point.attr or None, function, opening)
    match = MODULE.fullmatch(spec)
    if match is None:
        raise NotStandaloneError(f"nothing that a script can import is called {spec!a}")
    return _member(_module_lines(match["module"]), match["object"], function, opening)


def _file_lines(path: str) -> tuple[list[str], list[str]]:
    lines = [
        f"path = pathlib.Path({path!a}).resolve()",
        "sys.path.insert(0, str(path.parent))  # where its neighbours are",
        'spec = importlib.util.spec_from_file_location("adapter", path)',
        'adapter = sys.modules["adapter"] = importlib.util.module_from_spec(spec)',
        "spec.loader.exec_module(adapter)",
    ]
    return ["import importlib.util", "import pathlib", "import sys"], lines


def _module_lines(module: str) -> tuple[list[str], list[str]]:
    if module.partition(".")[0] == _ASSAY:
        raise NotStandaloneError(f"{module} is a part of assay, and a script must not need that")
    lines = ['sys.path.append("")  # where a module of one\'s own may lie']
    return ["import importlib", "import sys"], [*lines, f"adapter = importlib.import_module({module!a})"]


def _member(
    had: tuple[list[str], list[str]], path: str | None, function: str, opening: Opening, source: str = ""
) -> Standalone:
    """Name the function within what is imported."""
    parts = path.split(".") if path else []
    for part in parts:
        if not part.isidentifier() or not part.isascii() or keyword.iskeyword(part):
            raise NotStandaloneError(f"a script cannot write the name {part!a}")
    target = ".".join(["adapter", *parts])
    # A bare function has its declarations, and its gradients, in its module.
    call, beside = (target, "adapter") if opening.component is not None else (f"{target}.{function}", target)
    vjp = f"{function}_vjp"
    return Standalone(*had, call, f"{beside}.{vjp}", names_vjp=vjp in source)


@dataclass
class _Copy:
    """Sources that are copied so far, and what they import."""

    imports: dict[str, None] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    """In the order in which they must stand."""
    of: dict[str, Any] = field(default_factory=dict)
    """What each name of them stands for."""


def _copied(target: Any, function: str, has_vjp: bool) -> Standalone:
    """Copy a function of the library, or the class of an object whose method it is."""
    copy = _Copy()
    owner = getattr(target, "__self__", None)
    if owner is not None and not inspect.isclass(owner) and not inspect.ismodule(owner):
        _add(copy, type(owner))
        call = f"{owner!r}.{target.__name__}"
    else:
        _add(copy, target)
        call = target.__name__
    if has_vjp:
        raise NotStandaloneError(f"the gradients of {function} are the adapter's own, and are not copied")
    lines = "\n\n\n".join(copy.sources.values()).splitlines()
    if len(lines) > _MOST:
        raise NotStandaloneError(f"{function} of this adapter takes {len(lines)} lines of source, too many to copy")
    return Standalone(list(copy.imports), ["", *lines, ""], call)


def _add(copy: _Copy, target: Any, called: str = "") -> None:
    """Copy the source of a function or class, and of what it uses, under its own name or another."""
    target = inspect.unwrap(target)  # of a cache, which stands above it in the source
    here = inspect.isfunction(target) or inspect.isclass(target)
    if not here or not target.__module__.startswith(_LIBRARY) or getattr(target, "__closure__", None):
        raise NotStandaloneError(f"a part of this adapter, {target!r:.80}, cannot be copied into a script")
    called = called or target.__name__
    if copy.of.setdefault(called, target) is not target:
        raise NotStandaloneError(f"two functions of this adapter are called {called}")
    if called in copy.sources:
        return
    copy.sources[called] = ""
    source = textwrap.dedent(inspect.getsource(target)).rstrip()
    tree = ast.parse(source)
    module = importlib.import_module(target.__module__)
    names = {name: _value(module, name) for name in _loaded(tree)}
    if called != target.__name__:
        if target.__name__ in names:
            raise NotStandaloneError(f"{target.__name__} of this adapter uses itself, and cannot be renamed")
        source = source.replace(f"def {target.__name__}(", f"def {called}(", 1)
    lines = source.splitlines()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            beside = importlib.import_module("." * node.level + (node.module or ""), _LIBRARY)
            names |= {alias.asname or alias.name: getattr(beside, alias.name) for alias in node.names}
            for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                lines[number - 1] = ""
    source = _without_modules(copy, "\n".join(lines), tree, names)
    for name, value in names.items():
        _add_name(copy, name, value)
    del copy.sources[called]  # what it uses stands above it
    copy.sources[called] = source


def _without_modules(copy: _Copy, source: str, tree: ast.AST, names: dict[str, Any]) -> str:
    """Copy what a module of the library is asked for: `automatic.attention` becomes `automatic_attention`."""
    modules = {name for name, value in names.items() if inspect.ismodule(value) and value.__name__.startswith(_LIBRARY)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            whole, called = f"{node.value.id}.{node.attr}", f"{node.value.id}_{node.attr}"
            _add(copy, getattr(names[node.value.id], node.attr), called)
            source = re.sub(rf"\b{re.escape(whole)}\b", called, source)
    for name in modules:
        del names[name]
    return source


def _value(module: ModuleType, name: str) -> Any:
    """Return what a module calls so; the name itself if it is none of the module's."""
    return getattr(module, name, _NONE)


_NONE: Final = object()


def _add_name(copy: _Copy, name: str, value: Any) -> None:
    """Provide what a copied source calls so."""
    if value is _NONE:
        return  # a local name
    if inspect.ismodule(value) and value.__name__.partition(".")[0] != _ASSAY:
        copy.imports[f"import {value.__name__}" + f" as {name}" * (value.__name__ != name)] = None
    elif isinstance(value, int | float | str):
        copy.sources[name] = f"{name} = {value!r}"
    elif getattr(value, "__name__", None) == name and value.__module__.partition(".")[0] != _ASSAY:
        copy.imports[f"from {value.__module__} import {name}"] = None
    else:
        _add(copy, value)


def _loaded(tree: ast.AST) -> Iterator[str]:
    """Yield the names that are looked up when it runs: annotations are not."""
    annotations = (getattr(tree, "annotation", None), getattr(tree, "returns", None))
    for node in ast.iter_child_nodes(tree):
        if node in annotations:
            continue
        if isinstance(node, ast.Name) and not hasattr(builtins, node.id):
            yield node.id
        yield from _loaded(node)
