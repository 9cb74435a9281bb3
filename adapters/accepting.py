"""What whoever judges accepts: declarations in place of the adapter's, and a last precision class."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from .declaration import AdapterError, Offer, check_conventions, check_numerics, choices, suggestion
from .strict_json import parse_json

_LARGEST: Final = 2**20
"""Bytes of a file of declarations: every field of every dtype takes a few thousand."""

_FIELDS: Final = ("conventions", "numerics")


def read_declarations(path: str) -> dict[str, Any]:
    """Read a file of declarations, TOML or JSON by its name; `AdapterError`, one sentence, if it is none."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:  # a name with a null character
        raise AdapterError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > _LARGEST:
        raise AdapterError(f"{path} has more than a megabyte, which no file of declarations has")
    kind = "TOML" if path.lower().endswith(".toml") else "JSON"
    try:
        text = content.decode("utf-8-sig")
        return check_declarations(tomllib.loads(text) if kind == "TOML" else parse_json(text), path)
    except (ValueError, RecursionError) as error:  # of both readers, and of a text that is no UTF-8
        raise AdapterError(f"{path} cannot be read as {kind}: {error!s:.200}") from None


def check_declarations(given: object, where: str) -> dict[str, Any]:
    """Return declarations of whoever judges, well-formed; what they leave out is the default, not the adapter's."""
    if not isinstance(given, Mapping):
        raise AdapterError(f"{where}: declarations must have the fields {choices(_FIELDS)}, not {given!r:.200}")
    for name in given:
        if name not in _FIELDS:
            hint = suggestion(name, _FIELDS) or f"; the fields are {choices(_FIELDS)}"
            raise AdapterError(f"{where}: there is no declaration {name!r:.200}{hint}")
    return {
        "conventions": check_conventions(given.get("conventions", {}), where),
        "numerics": check_numerics(given.get("numerics", {}), where),
    }


def declarations(given: str | Mapping[str, object] | None) -> dict[str, Any] | None:
    """Return what a file has, or what is given; None if nothing stands in place of the adapter's."""
    if given is None:
        return None
    return read_declarations(given) if isinstance(given, str) else check_declarations(given, "judge")


def accepted(offer: Offer, declared: Mapping[str, Any] | None, precision_class: int) -> Offer:
    """Return the offer as it is judged: with these declarations, if there are any, and up to this class."""
    offer = replace(offer, precision_class=precision_class)
    return offer if declared is None else replace(offer, **declared, declared_by="judge")
