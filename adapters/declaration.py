"""What an adapter declares about itself, and the check of it: every mistake is one sentence that names the remedy.

The worker checks a Python adapter before it offers it; the client checks the handshake of any other program with
the same function, so that both get the same sentences.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .contract import CONVENTIONS, DTYPES, FUNCTIONS, LARGEST_NUMBER, NUMERICS, RENAMED, SIZES
from .foreign_text import visible


class UserError(Exception):
    """A mistake of the user. One sentence: what was wrong, and what would be right."""


class AdapterError(UserError):
    """The adapter cannot be loaded. One sentence: what was wrong, and what would be right."""


@dataclass(frozen=True)
class Offer:
    """What an adapter is and has: the handshake."""

    name: str
    framework: str
    package: str
    version: str
    device: str
    dtypes: tuple[str, ...]
    functions: tuple[str, ...]
    gradients: tuple[str, ...] = ()
    """The functions that can be differentiated, by the framework or by the adapter's own `<name>_vjp`."""
    conventions: Mapping[str, str] = field(default_factory=dict)
    numerics: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    layouts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sizes: str = "all"
    """Of `SIZES`: whether cases may have any sizes, or those of a few shapes."""
    shapes: tuple[Mapping[str, int], ...] = ()
    """Sizes of the adapter's own, at which it is judged as well."""
    declared_by: str = "adapter"
    """Whose declarations `conventions` and `numerics` are: the adapter's, or those of the `judge` in their place."""
    precision_class: int = 3
    """The last precision class that the judge accepts."""


def text_of(error: BaseException) -> str:
    """Return what an exception says; its class may be anybody's."""
    try:
        return str(error)
    except Exception as another:
        return f"its text cannot be made: {type(another).__name__}"


def choices(values: Iterable[str]) -> str:
    """Join words as in `a, b or c`."""
    *head, last = values
    return f"{', '.join(head)} or {last}" if head else last


_LONGEST_NAME: Final = 100


def suggestion(given: object, known: Iterable[str]) -> str:
    """`; did you mean 'softmax'?` where one of the known names is close, else nothing."""
    close = difflib.get_close_matches(str(given)[:_LONGEST_NAME], list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def check_function(name: object, where: str) -> None:
    """Refuse a component function that the contract does not have."""
    if not isinstance(name, str) or name not in FUNCTIONS:
        hint = suggestion(name, FUNCTIONS) or f"; the functions are {', '.join(FUNCTIONS)}"
        raise AdapterError(f"{where}: {name!r} is not a function of the contract{hint}")


def check_dtypes(dtypes: object, where: str) -> tuple[str, ...]:
    """Return the declared dtypes, each known, as a tuple."""
    # ("float32") is a string, and iterating it would complain about 'f'.
    if isinstance(dtypes, str) or not isinstance(dtypes, list | tuple) or not dtypes:
        raise AdapterError(f'{where}: dtypes must be a tuple of names such as ("float32",), not {dtypes!r}')
    for dtype in dtypes:
        if dtype not in DTYPES:
            hint = suggestion(dtype, DTYPES) or f"; the dtypes are {choices(DTYPES)}"
            raise AdapterError(f"{where}: dtypes names {dtype!r}, which is not a dtype of assay{hint}")
    return tuple(dict.fromkeys(dtypes))


def check_text(value: object, name: str, where: str) -> str:
    """Return a declaration, which must be a string, as it can be shown."""
    if not isinstance(value, str):
        raise AdapterError(f"{where}: {name} must be a string, not {value!r:.200}")
    return visible(value)


def check_requires(requires: object, where: str) -> tuple[str, ...]:
    """Return the names of the declared modules."""
    listed = tuple(requires) if isinstance(requires, list | tuple) else (requires,)
    named = all(isinstance(each, str) and all(map(str.isidentifier, each.split("."))) for each in listed)
    if not named or isinstance(requires, str):
        raise AdapterError(
            f'{where}: requires must be a tuple of names of modules such as ("torch",), not {requires!r:.200}'
        )
    return listed


_NOTES: Final = 50


def check_notes(notes: object, where: str) -> tuple[str, ...]:
    """Return the notes as they can be shown; one alone may be a string."""
    if not isinstance(notes, str | list | tuple):
        raise AdapterError(f"{where}: notes must be a text or a tuple of texts, not {type(notes).__name__}")
    every = [notes] if isinstance(notes, str) else notes
    rest = [f"and {len(every) - _NOTES:,} more notes"] if len(every) > _NOTES else []
    return tuple(map(visible, [*every[:_NOTES], *rest]))


def check_conventions(conventions: object, where: str) -> dict[str, str]:
    """Return the declared conventions, each known and with one of its values."""
    if not isinstance(conventions, Mapping):
        raise AdapterError(
            f'{where}: conventions must be a dict such as {{"masked_row": "nan"}}, not {type(conventions).__name__}'
        )
    for name, value in conventions.items():
        if name not in CONVENTIONS:
            hint = suggestion(name, CONVENTIONS) or f"; the conventions are {choices(CONVENTIONS)}"
            raise AdapterError(f"{where}: conventions names {name!r}, which is not a convention{hint}")
        if value not in CONVENTIONS[name]:
            raise AdapterError(
                f"{where}: the convention {name!r} must be {choices(map(repr, CONVENTIONS[name]))}, not {value!r}"
            )
    return dict(conventions)


def check_numerics(numerics: object, where: str) -> dict[str, dict[str, object]]:
    """Return the declared numerics, dtype -> field -> value, well-formed, each field by its name of today."""
    if not isinstance(numerics, Mapping):
        raise AdapterError(
            f'{where}: numerics must be a dict such as {{"bfloat16": {{"accumulate": "float32"}}}}, '
            f"not {type(numerics).__name__}"
        )
    for dtype, fields in numerics.items():
        if dtype not in DTYPES:
            hint = suggestion(dtype, DTYPES) or f"; the dtypes are {choices(DTYPES)}"
            raise AdapterError(f"{where}: numerics names {dtype!r}, which is not a dtype of assay{hint}")
        if not isinstance(fields, Mapping):
            raise AdapterError(f"{where}: numerics[{dtype!r}] must be a dict of fields, not {type(fields).__name__}")
        for name, value in fields.items():
            _check_field(name, value, f"{where}: numerics[{dtype!r}]")
        for old, new in RENAMED.items():
            if old in fields and new in fields:
                raise AdapterError(
                    f"{where}: numerics[{dtype!r}] declares {old!r} and {new!r}, which are one field: leave {old!r} out"
                )
    return {
        dtype: {RENAMED.get(name, name): value for name, value in fields.items()} for dtype, fields in numerics.items()
    }


def notes_on_names(numerics: Mapping[str, Mapping[str, object]]) -> tuple[str, ...]:
    """Return a note for each field that is declared by the name that it had in the last release."""
    used = dict.fromkeys(name for fields in numerics.values() for name in fields if name in RENAMED)
    return tuple(f"numerics declares {old}, which is called {RENAMED[old]} now and means the same" for old in used)


def _check_field(name: object, value: Any, where: str) -> None:
    if not isinstance(name, str) or name not in (*NUMERICS, *RENAMED):
        hint = suggestion(name, NUMERICS) or f"; the fields are {choices(NUMERICS)}"
        raise AdapterError(f"{where} has no field {name!r}{hint}")
    allowed = NUMERICS[RENAMED.get(name, name)]
    if isinstance(allowed, tuple):
        if value not in allowed:
            hint = suggestion(value, allowed) or f"; it is one of {choices(allowed)}"
            raise AdapterError(f"{where}[{name!r}] is {value!r:.200}{hint}")
        return
    # `0 < value` is false for a NaN, too.
    if not isinstance(value, allowed | int) or isinstance(value, bool) or not 0 < value < float("inf"):
        kind = "a whole number, 1 or more" if allowed is int else "a number above 0"
        raise AdapterError(f"{where}[{name!r}] must be {kind}, not {value!r:.200}")
    if value > LARGEST_NUMBER:  # which need not be shown: Python writes no whole number of more than 4,300 digits
        raise AdapterError(f"{where}[{name!r}] must be at most 2^53, which leaves nothing of a number of float64")


def check_sizes(sizes: object, where: str) -> str:
    """Return the declared pool of sizes, which must be known."""
    if not isinstance(sizes, str) or sizes not in SIZES:
        raise AdapterError(f"{where}: sizes must be {choices(map(repr, SIZES))}, not {sizes!r}")
    return sizes


LARGEST: Final = 10**12
"""The largest size that a shape may name: memory ends long before."""


MOST_SHAPES: Final = 100
"""How many shapes of its own an adapter may name: each is judged in every way."""


def check_shapes(shapes: object, where: str) -> tuple[dict[str, int], ...]:
    """Return the declared shapes, each with sizes by their names; whose sizes they are, the judge knows."""
    given: list[Any] = list(shapes) if isinstance(shapes, list | tuple) else [shapes]
    if len(given) > MOST_SHAPES:
        raise AdapterError(f"{where}: shapes must be {MOST_SHAPES} at most, not {len(given):,}")
    for shape in given:
        if shape is shapes or not isinstance(shape, Mapping) or not shape:
            raise AdapterError(
                f'{where}: shapes must be a list such as [{{"L_q": 1, "L_k": 4096}}], not {shapes!r:.200}'
            )
        for name, size in shape.items():
            if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= LARGEST:
                raise AdapterError(
                    f"{where}: the size {name!s:.80} in shapes must be a whole number, "
                    f"from 1 to 10^12, not {size!r:.200}"
                )
    return tuple({str(name): size for name, size in shape.items()} for shape in given)


def _check_offered(function: object, where: str) -> None:
    """Refuse what is no component function; a program may name its gradients as a file of Python does."""
    stem = str(function).removesuffix("_vjp")
    if stem != function and stem in FUNCTIONS:
        raise AdapterError(f'{where}: {function!r} is no function of a program; list {stem!r} in the field "gradients"')
    check_function(function, where)


def offer_from_header(header: Mapping[str, Any], where: str) -> Offer:
    """Check the offer in a handshake: the program at the other end need not be ours."""
    texts: dict[str, Any] = {
        name: check_text(header.get(name, ""), f"{name!r} of the handshake", where)
        for name in ("name", "framework", "package", "version", "device")
    }
    functions = header.get("functions")
    if not isinstance(functions, list) or not functions:
        raise AdapterError(f'{where}: the handshake must list the functions offered, such as ["softmax"]')
    names = {}
    for name, default in (("layouts", ["contiguous"]), ("gradients", []), ("notes", [])):
        names[name] = header.get(name, default)
        if not isinstance(names[name], list):
            raise AdapterError(f"{where}: {name!r} of the handshake must be a list, not {names[name]!r:.200}")
    for function in (*functions, *names["gradients"]):
        _check_offered(function, where)
    for function in names["gradients"]:
        if function not in functions:
            raise AdapterError(f"{where}: 'gradients' of the handshake names {function!r}, which 'functions' does not")
    numerics = check_numerics(header.get("numerics", {}), where)
    return Offer(
        **texts,
        dtypes=check_dtypes(header.get("dtypes", ["float32"]), where),
        functions=tuple(dict.fromkeys(functions)),
        gradients=tuple(dict.fromkeys(names["gradients"])),
        conventions=check_conventions(header.get("conventions", {}), where),
        numerics=numerics,
        layouts=tuple(map(str, names["layouts"])),
        notes=(*check_notes(names["notes"], where), *notes_on_names(header.get("numerics", {}))),
        sizes=check_sizes(header.get("sizes", SIZES[0]), where),
        shapes=check_shapes(header.get("shapes", []), where),
    )
