"""Loading: an adapter found, checked against the contract and tied to the bridge of its framework."""

import functools
import importlib.metadata
import importlib.util
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .bridges import FRAMEWORKS, Bridge, bridge_to
from .contract import FUNCTIONS, SIZES, Function
from .declaration import (
    AdapterError,
    Offer,
    check_conventions,
    check_dtypes,
    check_function,
    check_notes,
    check_numerics,
    check_requires,
    check_shapes,
    check_sizes,
    check_text,
    choices,
    notes_on_names,
    suggestion,
    text_of,
)
from .far import can_reserve
from .finding import Found, find
from .layouts import FAR


@dataclass(frozen=True)
class Loaded:
    """An adapter that can be called."""

    offer: Offer
    functions: Mapping[str, Callable[..., Any]]
    vjps: Mapping[str, Callable[..., Any]]
    """The adapter's own gradients, by the name of the function."""
    bridge: Bridge


def load(spec: str, component: str | None = None, framework: str | None = None) -> Loaded:
    """Find and check the adapter that `spec` names; `component` makes a bare function an adapter."""
    if component is not None:
        check_function(component, spec)
    return check(find(spec), component, framework)


def check(found: Found, component: str | None = None, framework: str | None = None) -> Loaded:
    """Check declarations and signatures of an adapter; each mistake is one `AdapterError`."""
    try:
        return _checked(found, component, framework)
    except AdapterError:
        raise
    except Exception as error:  # a property of the adapter's own that raises, an array where a text should be
        text = text_of(error).partition("\n")[0]
        raise AdapterError(f"{found.name} cannot be read: {type(error).__name__}: {text}") from error


def _checked(found: Found, component: str | None, framework: str | None) -> Loaded:
    where, target = found.name, found.target
    # A class of static methods is an adapter, so only a function needs to be told what it is.
    bare = callable(target) and not any(hasattr(target, name) for name in FUNCTIONS)
    if component is not None and not bare:
        raise AdapterError(f"{where} is no bare function, so --as {component} has nothing to name; leave it out")
    if component is None and inspect.isroutine(target):
        raise AdapterError(f"{where} is a bare function: say which component it is, for example --as softmax")
    declared = found.module if component is not None else target
    framework = _known_framework(framework or getattr(declared, "framework", "numpy"), where)
    check_requirements(declared, where, framework)
    functions = {component: target} if component is not None else _functions(target, where)
    for name, function in functions.items():
        _check_signature(FUNCTIONS[name], function, where)
    vjps = {name: getattr(declared, f"{name}_vjp") for name in functions if hasattr(declared, f"{name}_vjp")}
    for name, function in vjps.items():
        _check_signature(replace(FUNCTIONS[name], name=f"{name}_vjp"), function, where, "cotangent")
    bridge = bridge_to(framework)
    device = str(getattr(declared, "device", "cpu"))
    try:
        bridge.check_device(device)
    except Exception as error:
        text = text_of(error).partition("\n")[0]
        raise AdapterError(f"{where}: the device {device!r} cannot be used with {framework}: {text}") from error
    # On another device, reserved addresses would take memory. The devices of Keras are its backends, on the processor.
    reserves = (device == "cpu" or framework == "keras") and can_reserve()
    package = check_text(getattr(declared, "package", framework), "package", where)
    numerics = check_numerics(getattr(declared, "numerics", {}), where)
    offer = Offer(
        name=found.name,
        framework=framework,
        package=package,
        version=installed_version(package),
        device=device,
        dtypes=check_dtypes(getattr(declared, "dtypes", ("float32",)), where),
        functions=tuple(functions),
        gradients=tuple(
            name for name in functions if FUNCTIONS[name].differentiable and (bridge.differentiates or name in vjps)
        ),
        conventions=check_conventions(getattr(declared, "conventions", {}), where),
        numerics=numerics,
        layouts=tuple(each for each in bridge.layouts if each not in FAR or reserves),
        notes=(*check_notes(getattr(declared, "notes", ()), where), *notes_on_names(getattr(declared, "numerics", {}))),
        sizes=check_sizes(getattr(declared, "sizes", SIZES[0]), where),
        shapes=check_shapes(getattr(declared, "shapes", ()), where),
    )
    return Loaded(offer, functions, vjps, bridge)


def install_command(declared: object, framework: str) -> str:
    """Return the command that installs what a built-in adapter needs: its own, or that of the library's extra."""
    own: str = getattr(declared, "install", "")
    return own or f"pip install 'assay[{getattr(declared, 'extra', framework)}]'"


@functools.cache
def installed_version(package: str) -> str:
    """Return the version of an installed package, empty if it has none."""
    try:
        return importlib.metadata.version(package)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return ""


def missing(declared: object, framework: str) -> list[str]:
    """List the modules that the adapter or its framework needs and that are not installed; import none of them."""
    required = dict.fromkeys((framework, *getattr(declared, "requires", ())))
    return [module for module in required if not _installed(module)]


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # of the package that it is in
        return False


def check_requirements(declared: object, where: str, framework: str) -> None:
    """Refuse an adapter whose library is not installed, with the command that installs it."""
    check_requires(getattr(declared, "requires", ()), where)
    check_text(getattr(declared, "install", ""), "install", where)
    if absent := missing(declared, framework):
        raise AdapterError(
            f"{where} needs {choices(absent).replace(' or ', ' and ')}, which is not installed: "
            f"{install_command(declared, framework)}"
        )


def _known_framework(framework: object, where: str) -> str:
    if not isinstance(framework, str) or framework not in FRAMEWORKS:
        hint = suggestion(framework, FRAMEWORKS) or f"; assay has bridges to {', '.join(FRAMEWORKS)}"
        raise AdapterError(f"{where}: there is no framework {framework!r}{hint}")
    return framework


def functions_of(target: object) -> dict[str, Callable[..., Any]]:
    """Return the component functions of an object, in the order of the contract."""
    return {name: getattr(target, name) for name in FUNCTIONS if callable(getattr(target, name, None))}


def _functions(target: object, where: str) -> dict[str, Callable[..., Any]]:
    if functions := functions_of(target):
        return functions
    for name in FUNCTIONS:
        # A package may have a file of that name, as json has a decoder.
        if hasattr(target, name) and not inspect.ismodule(getattr(target, name)):
            raise AdapterError(f"{where}: {name} must be a function, not {type(getattr(target, name)).__name__}")
    near = [(name, suggestion(name, FUNCTIONS)) for name in dir(target) if not name.startswith("_")]
    hint = next((f"; it has {name!r}{text}" for name, text in near if text), "")
    raise AdapterError(f"{where} offers no function of the contract ({', '.join(FUNCTIONS)}){hint}")


def _check_signature(function: Function, given: Callable[..., Any], where: str, *first: str) -> None:
    """Bind the whole call: what an implementation cannot do, it refuses with NotImplementedError."""
    if not callable(given):
        raise AdapterError(f"{where}: {function.name} must be a function, not {type(given).__name__}")
    try:
        signature = inspect.signature(given)
    except (TypeError, ValueError):
        return  # compiled functions may not tell
    try:
        signature.bind(*first, *function.positional, **dict.fromkeys((*function.masks, *function.options)))
    except TypeError as error:
        raise AdapterError(
            f"{where}: {getattr(given, '__name__', function.name)}{signature} does not accept the contract's call "
            f"{function.call.replace('(', '(' + ''.join(f'{name}, ' for name in first), 1)}: {error}"
        ) from None
