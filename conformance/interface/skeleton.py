"""`assay init`: the skeleton of an adapter, by the signature of a function, and a workflow that judges it.

The function is read, not imported. What the skeleton guesses is marked to be confirmed.
"""

import argparse
import ast
import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...adapters.contract import DTYPES, FUNCTIONS
from ...adapters.declaration import UserError, suggestion
from ...adapters.foreign_text import visible
from ..components import COMPONENTS
from .asking import ask, somebody_is_there
from .explaining import sentence
from .judge import judge
from .options import JUDGING, UsageError, add_options, known_names, listed
from .reading import read_text
from .terminal import Screen

_NAMES: Final[Mapping[str, Sequence[str]]] = {
    "query": ("q",),
    "key": ("k",),
    "value": ("v",),
    "mask": ("attn_mask", "attention_mask"),
    "causal": ("is_causal",),
    "scale": ("softmax_scale", "sm_scale"),
    "x": ("input", "hidden_states", "inputs"),
    "gain": ("weight", "gamma"),
    "bias": ("beta",),
    "epsilon": ("eps", "variance_epsilon"),
    "logits": ("input",),
    "targets": ("target", "labels"),
}
"""What libraries call the contract's arguments."""

_WORKFLOW: Final = """name: assay
on: [push, pull_request]
jobs:
  assay:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {{python-version: "3.12"}}
      # To be confirmed: where assay is, a fixed version of it, and what the adapter needs.
      - uses: OWNER/assay@v0.1.0
        with: {{adapter: {adapter}{extras}}}
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what `assay init` takes."""
    place = "package.module:function or path/to/file.py:function"
    command.add_argument("function", nargs="?", metavar="FUNCTION", help=f"{place} (at a terminal: asked for)")
    command.add_argument("--as", dest="component", metavar="COMPONENT", help="what it is (likewise)")
    command.add_argument("--framework", metavar="NAME", help="whose arrays it takes (default: numpy)")
    add_options(command.add_argument, {"dtype": JUDGING["dtype"]})
    command.add_argument("--out", default="assay_adapter.py", metavar="FILE", help="the adapter (assay_adapter.py)")


def write_skeleton(parsed: argparse.Namespace) -> int:
    """Write both files where there are none, and say what is next."""
    adapter, workflow = Path(parsed.out), Path(".github/workflows/assay.yml")
    if not re.fullmatch(r"[\w./-]+\.py", parsed.out):
        raise UsageError(f"--out {parsed.out!r:.200} should be a path of letters and digits that ends in .py")
    for path in (adapter, workflow):
        if path.exists():
            raise UsageError(f"{path} exists, and is not overwritten")
    _ask_for_the_rest(parsed)
    component, framework = _component(parsed.component), parsed.framework or "numpy"
    function = _function(parsed.function)
    parts = (function, component, framework, parsed.dtype or function.dtypes or ["float32"])
    _write(adapter, _adapter(*parts, {}))
    extras = f", extras: {framework}" if framework in ("torch", "jax", "mlx") else ""
    _write(workflow, _WORKFLOW.format(adapter=adapter.as_posix(), extras=extras))
    screen = Screen()
    try:
        proposed, found = _first_look(adapter, component)
        if proposed:
            _write(adapter, _adapter(*parts, proposed))
        if found:
            screen.say((f"a first look at its values: {visible(found)}", "yellow"))
    except UserError as error:
        screen.say((f"no conventions are proposed: {visible(error)}", "yellow"))
    screen.say(f"{adapter} and {workflow} are written; look for `To be confirmed` in both, and then")
    screen.say(f"assay run {adapter} -n auto")
    return 0


def _ask_for_the_rest(parsed: argparse.Namespace) -> None:
    """Ask for what was not given, if one of the two that must be was not."""
    if parsed.function and parsed.component:
        return
    if not somebody_is_there():
        raise UsageError(
            "init needs FUNCTION and --as COMPONENT, as in `assay init my_package.kernels:flash --as attention`"
        )
    if not parsed.function:
        place = "Which function (package.module:function or path/to/file.py:function)"
        parsed.function = ask(place, lambda answer: _function(answer) and answer)
    if not parsed.component:
        name = parsed.function.rpartition(":")[2]
        guess = next((each for each in COMPONENTS if each in name), "attention")
        parsed.component = ask("What is it (a component; `assay spec --coverage` lists them)", _component, guess)
    if not parsed.framework:
        parsed.framework = ask("Whose arrays does it take (numpy, torch, jax, mlx, ...)", str, "numpy")
    if not parsed.dtype:
        parsed.dtype = ask("In which dtypes, with commas between", listed("dtype", DTYPES), "float32")


def _component(name: str) -> str:
    """Return the name of a component of which a skeleton can be written."""
    (component,) = known_names("component", (name,), COMPONENTS)
    function = FUNCTIONS[component]
    if COMPONENTS[component].gives_data or function.weights or not function.arrays:
        raise UsageError(f"{component} takes more than arrays: write its adapter by hand")
    return component


@dataclass(frozen=True)
class _Function:
    """What is read of a function, and of its module."""

    module: str
    name: str
    parameters: Sequence[str]
    required: Sequence[str]
    """Those without a default."""
    dtypes: Sequence[str]
    """What the module says of them, as an adapter does."""


def _function(spec: str) -> _Function:
    """Read a function, which is named as module:function or file:function."""
    place, colon, name = spec.rpartition(":")
    if not colon or not name.isidentifier() or not place:
        raise UsageError(f"{spec!r:.200} should be package.module:function, or path/to/file.py:function")
    if not all(part.isidentifier() for part in place.removesuffix(".py").replace("/", ".").split(".")):
        raise UsageError(f"{place!r:.200} is no module that can be imported from here")
    path = Path(place) if place.endswith(".py") else Path(*place.split(".")).with_suffix(".py")
    path = path if path.exists() or place.endswith(".py") else Path(*place.split("."), "__init__.py")
    try:
        tree = ast.parse(read_text(path, f"{place} cannot be read"))
    except (SyntaxError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no Python: {error}") from None
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for node in found:
        if node.name == name:
            arguments = node.args
            plain = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
            named = [each.arg for each in arguments.kwonlyargs]
            required = plain[: len(plain) - len(arguments.defaults)]
            required += [each for each, value in zip(named, arguments.kw_defaults, strict=True) if value is None]
            module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
            return _Function(module, name, [*plain, *named], required, _dtypes(tree))
    raise UsageError(f"{path} defines no function {name!r}{suggestion(name, [node.name for node in found])}")


def _dtypes(module: ast.Module) -> list[str]:
    """Return the dtypes that a module names as an adapter does, if it does."""
    for node in module.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "dtypes" for t in node.targets):
            with contextlib.suppress(ValueError, TypeError):
                return [each for each in ast.literal_eval(node.value) if each in DTYPES]
    return []


def _adapter(
    read: _Function, component: str, framework: str, dtypes: Sequence[str], conventions: Mapping[str, str]
) -> str:
    function, module, name, parameters = FUNCTIONS[component], read.module, read.name, read.parameters
    taken = {own: _taken(own, parameters) for own in (*function.arrays, *function.masks, *function.options)}
    arrays, options = list(function.arrays), {**dict.fromkeys(function.masks), **function.options}
    lines = [f'"""What assay needs to judge {module}.{name}."""', "", f"from {module} import {name}", ""]
    lines += [f"framework = {framework!r}", f"dtypes = {tuple(dtypes)!r}"]
    if conventions:
        lines += ["# To be confirmed: easy cases show it.", f"conventions = {dict(conventions)!r}"]
    keywords = "".join(f", {own}={value!r}" for own, value in options.items())
    lines += ["", "", f"def {component}({', '.join(arrays)}{f', *{keywords}' if keywords else ''}):"]
    for own, value in options.items():
        if taken[own] is None:
            test = f"{own} is not None" if value is None else f"{own} != {value!r}"
            lines += [f"    if {test}:", f'        raise NotImplementedError("{own}")']
    if component == "attention" and taken["scale"] in read.required:
        lines.append("    scale = query.shape[-1] ** -0.5 if scale is None else scale")
    given = [f"{theirs}={own}" for own, theirs in taken.items() if theirs]
    unknown = [own for own in arrays if taken[own] is None]
    others = [each for each in parameters if each not in taken.values()]
    if unknown or others:
        lines.append(
            f"    # To be confirmed: {name} also takes {', '.join(others) or 'nothing'}"
            + (f"; how is {', '.join(unknown)} given?" if unknown else ".")
        )
    lines.append("    # To be confirmed: names and axes of the arguments, and what True means in a mask (may attend).")
    lines.append(f"    return {name}({', '.join(given)})")
    return "\n".join(lines) + "\n"


def _taken(own: str, parameters: Sequence[str]) -> str | None:
    """Return what a function calls an argument of the contract."""
    return next((each for each in (own, *_NAMES.get(own, ())) if each in parameters), None)


def _first_look(adapter: Path, component: str) -> tuple[dict[str, str], str]:
    """Return the conventions under which what fails of the values would pass, and what else fails."""
    report = judge(str(adapter), components=component, clauses="ALL-1")
    known = FUNCTIONS[component].conventions
    proposed: dict[str, str] = {}
    others = []
    for cause in report.causes:
        declared = {name: str(value) for name, value in (cause.failure.declare or {}).items() if name in known}
        proposed |= declared
        others += [] if declared else [sentence(cause)]
    return proposed, "; ".join(others)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
