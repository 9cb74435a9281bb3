"""`assay init`: the skeleton of an adapter, by the signature of a function, and a workflow that judges it.

The function is read, not imported. What the skeleton guesses is marked to be confirmed.
"""

import argparse
import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ...adapters.contract import DTYPES, FUNCTIONS
from ...adapters.declaration import UserError, suggestion
from ...adapters.foreign_text import visible
from ..components import COMPONENTS
from .asking import ask, somebody_is_there
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
    parts = (*_function(parsed.function), component, framework, parsed.dtype or ["float32"])
    _write(adapter, _adapter(*parts, {}))
    extras = f", extras: {framework}" if framework in ("torch", "jax", "mlx") else ""
    _write(workflow, _WORKFLOW.format(adapter=adapter.as_posix(), extras=extras))
    screen = Screen()
    try:
        if proposed := _conventions(adapter, component):
            _write(adapter, _adapter(*parts, proposed))
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
        parsed.function = ask(place, lambda answer: ":".join(_function(answer)[:2]))
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


def _function(spec: str) -> tuple[str, str, list[str]]:
    """Return module, name and parameters of a function, which is named as module:function or file:function."""
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
            every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
            module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
            return module, name, [each.arg for each in every]
    raise UsageError(f"{path} defines no function {name!r}{suggestion(name, [node.name for node in found])}")


def _adapter(
    module: str,
    name: str,
    parameters: Sequence[str],
    component: str,
    framework: str,
    dtypes: Sequence[str],
    conventions: Mapping[str, str],
) -> str:
    function = FUNCTIONS[component]
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


def _conventions(adapter: Path, component: str) -> dict[str, str]:
    """Return the conventions under which what fails of the values would pass, of a first look in one dtype."""
    report = judge(str(adapter), components=component, clauses="ALL-1")
    known = FUNCTIONS[component].conventions
    declared = [cause.failure.declare or {} for cause in report.causes]
    return {name: str(value) for each in declared for name, value in each.items() if name in known}


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
