"""What of the adapters a session of pytest collects: their files, by the root of the project, and ids that are named.

An id is that of any test: `tests/my_kernel.py::SM-1[softmax-float32]`. pytest would look into the file for it, so those
of ours are taken from its arguments.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from ...adapters.foreign_text import visible
from ..components import CLAUSES
from ..judging.plan import Line
from .locating import file_of
from .options import UsageError


def is_typed(config: pytest.Config) -> bool:
    """Say whether --assay stands on the command line itself, and not in a configuration."""
    return any(str(each).partition("=")[0] == "--assay" for each in config.invocation_params.args)


def from_root(config: pytest.Config, path: str) -> str:
    """Find a file: by the working directory if that was typed, else by the root of the project; by the other if not."""
    here, root = config.invocation_params.dir / path, config.rootpath / path
    places = [here, root] if is_typed(config) else [root, here]
    found = next((each for each in places if each.exists()), here)
    return path if found == here else os.path.relpath(found, config.invocation_params.dir)


def adapter_from_root(config: pytest.Config, spec: str) -> str:
    """Find the file of an adapter likewise."""
    file = file_of(spec)
    return from_root(config, file[0]) + file[1] if file else spec


def id_of(config: pytest.Config, spec: str) -> str:
    """Return what the ids of an adapter's clauses begin with: its path from the root of the project, or its name."""
    file = file_of(spec)
    if file is None:
        return visible(spec)
    path = os.path.relpath(config.invocation_params.dir / file[0], config.rootpath)
    return visible(Path(path).as_posix() + file[1])


def asked_for(config: pytest.Config, specs: Sequence[str]) -> list[str]:
    """Return the adapters that are judged: of a configuration none, where the command line names other tests alone."""
    if is_typed(config) or config.args_source is not pytest.Config.ArgsSource.ARGS:
        return list(specs)
    return [spec for spec in specs if any(_concerns(config, argument, spec) for argument in config.args)]


def named_lines(config: pytest.Config, specs: Sequence[str], plans: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Return the lines whose ids the arguments of pytest name, and take these from it; all lines, if none is named."""
    others: list[str] = []
    named: list[list[Line]] = [[] for _ in specs]
    for argument in config.args:
        place, name = _parts(argument)
        if not name:
            others.append(argument)
            continue
        if (where := next((n for n, spec in enumerate(specs) if _same(config, place, spec)), None)) is None:
            known = " and ".join(id_of(config, spec) for spec in specs) or "no --assay is given"
            raise UsageError(f"{argument}: it is of no adapter that is judged ({known})")
        lines = [line for line in plans[where] if name in (line.name, line.clause.id)]
        if not lines:
            raise UsageError(f"{argument}: nothing of that name is judged")
        named[where] += [line for line in lines if line not in named[where]]
    config.args[:] = others
    return named if any(named) else list(map(list, plans))


def _parts(argument: str) -> tuple[str, str]:
    """Split an id of ours into adapter and clause; the second is empty if it is none."""
    place, _, name = argument.rpartition("::")
    return (place, name) if place and name.partition("[")[0] in CLAUSES else (argument, "")


def _same(config: pytest.Config, place: str, spec: str) -> bool:
    """Say whether the beginning of an id, however it was typed, is that of an adapter."""
    return place == spec or id_of(config, place) == id_of(config, spec)


def _concerns(config: pytest.Config, argument: str, spec: str) -> bool:
    """Say whether an argument is a folder, or names the adapter's file or a clause of it."""
    place, name = _parts(argument)
    if name:
        return _same(config, place, spec)
    inside = id_of(config, spec).removesuffix((file_of(spec) or ("", ""))[1])
    return (config.invocation_params.dir / place).is_dir() or id_of(config, place) == inside
