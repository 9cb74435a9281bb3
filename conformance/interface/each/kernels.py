"""The kernels of a call: which they are, how their files are called, and what tells that one is judged already."""

import hashlib
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ....adapters.foreign_text import visible
from ..options import UsageError
from ..repeating import suite
from ..resuming import FILE, source_of
from .options import FROM_INPUT

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_]+")
_LONGEST: Final = 40
"""Characters of a file's name that are the adapter's; a digest makes it unique."""


@dataclass(frozen=True)
class Kernel:
    """One adapter of the list."""

    spec: str
    """As `assay run` takes it."""
    file: str
    """What the names of its files begin with: of safe characters, and no other adapter's."""


def kernels_of(words: Sequence[str]) -> list[Kernel]:
    """Read the list; `UsageError`, one sentence, where it is empty or names one twice."""
    if not words:
        raise UsageError("--each needs adapters: name them, or - for a list on standard input, one a line")
    if FROM_INPUT in words and len(words) > 1:
        raise UsageError("- stands for a list on standard input, and for all of it; name no adapter beside it")
    specs = _listed() if list(words) == [FROM_INPUT] else list(words)
    named: dict[str, str] = {}
    for spec in specs:
        if "\0" in spec:
            raise UsageError(f"{visible(spec)} is no name of an adapter: it has a zero byte")
        if os.path.isdir(spec):  # noqa: PTH112 (of a name that no file can have, it says no)
            raise UsageError(f"{visible(spec)} is a folder; name the files in it, as in {visible(Path(spec, '*.py'))}")
        identity = _identity(spec)
        if identity in named:
            other = named[identity]
            beside = "" if other == spec else f", as {visible(other)} and as {visible(spec)}"
            raise UsageError(f"{visible(spec)} is named twice{beside}")
        named[identity] = spec
    return [Kernel(spec, _file(spec, identity)) for identity, spec in named.items()]


def _listed() -> list[str]:
    """Read standard input; a name may have any bytes but a line break."""
    lines = os.fsdecode(sys.stdin.buffer.read()).splitlines()
    specs = [line.strip() for line in lines if line.strip()]
    if not specs:
        raise UsageError("the list on standard input names no adapter")
    return specs


def _identity(spec: str) -> str:
    """Say what two names of one adapter have in common: the file, wherever the call is made from."""
    found = FILE.fullmatch(spec)
    return os.path.abspath(found["path"]) + found["inside"] if found else spec  # noqa: PTH100 (a link is a name of its own)


def _file(spec: str, identity: str) -> str:
    found = FILE.fullmatch(spec)
    said = Path(found["path"]).stem + found["inside"] if found else spec
    begun = _UNSAFE.sub("-", said)[:_LONGEST].strip("-")
    digest = hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()[:10]
    return f"{begun}-{digest}" if begun else digest


def asked(words: Sequence[str], files: Sequence[str | None]) -> str:
    """Return a digest of what kernels of a call have in common: options, files that these name, and assay itself."""
    read = [hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else None for file in files]
    return hashlib.sha256(json.dumps([list(words), read, suite()]).encode()).hexdigest()


def key_of(kernel: Kernel, asked: str) -> str:
    """Return what is the same for two calls of which the second need not judge the kernel: bytes and options."""
    try:
        source = source_of(kernel.spec)
    except OSError:  # its judge will say why
        source = kernel.spec
    return hashlib.sha256(json.dumps([source, asked]).encode()).hexdigest()
