"""Memory that the judge shares with its worker: large tensors cross it with one copy, where a pipe takes two.

Each direction has a block of its own. Who sends copies into it, and who receives reads where it lies, in a mapping that
cannot be written to; the next message comes only after the reply, so that neither overwrites what the other still
reads. A block grows, and is sealed against shrinking, since reading what is no longer there would end the reader.

What a worker may do there, it can do with a pipe, too: send other bytes. It may change them while the judge reads;
so the judge reads each byte once, into memory of its own, and compares that.
"""

import contextlib
import mmap
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SMALLEST: Final = 2**20
"""Bytes below which a pipe is as fast."""
LARGEST: Final = 2**28
"""Bytes above which a pipe is taken, since what a block has held once, it keeps."""


class Block:
    """Memory without a name, behind a descriptor that a process inherits."""

    def __init__(self, descriptor: int) -> None:
        """Take the descriptor."""
        self.descriptor = descriptor
        self._mapped: mmap.mmap | None = None

    def put(self, parts: Sequence[bytes | memoryview]) -> bool:
        """Write parts one after another, from the beginning on; return whether the system has had room for them."""
        size, at = sum(map(len, parts)), 0
        try:
            there = os.fstat(self.descriptor).st_size
            if there < size:
                there = 1 << (size - 1).bit_length()  # so that a size that grows slowly is not mapped anew each time
                os.ftruncate(self.descriptor, there)
            mapped = self._of(size, there, mmap.PROT_READ | mmap.PROT_WRITE)
        except OSError:  # or a limit on the size of files, which these count as
            return False
        for part in parts:
            mapped[at : at + len(part)] = part
            at += len(part)
        return True

    def get(self, size: int) -> memoryview | None:
        """Give the first bytes, at most the largest number, as they lie there; None if there are not so many."""
        there = os.fstat(self.descriptor).st_size
        return memoryview(self._of(size, there, mmap.PROT_READ))[:size] if size <= there else None

    def _of(self, size: int, there: int, protection: int) -> mmap.mmap:
        """Map so many bytes at least, which are there."""
        if self._mapped is None or len(self._mapped) < size:
            # Mapped page by page, as they are read, they take as long as a copy.
            flags = mmap.MAP_SHARED | mmap.MAP_POPULATE
            self._mapped = mmap.mmap(self.descriptor, min(there, LARGEST), flags=flags, prot=protection)
        return self._mapped

    def close(self) -> None:
        """Give the descriptor back, once; what is still read stays until it is not."""
        descriptor, self.descriptor, self._mapped = self.descriptor, -1, None
        if descriptor >= 0:
            os.close(descriptor)


@dataclass(frozen=True)
class Blocks:
    """A block for each direction, or none at all."""

    requests: Block | None = None
    replies: Block | None = None

    @classmethod
    def new(cls) -> "Blocks":
        """Make both; none where the system has none that can be sealed."""
        made = cls(_new_block(), _new_block())
        if None in (made.requests, made.replies):
            made.close()
            return cls()
        return made

    @classmethod
    def inherited(cls, words: str) -> "Blocks":
        """Take those that `words` names."""
        return cls(*(Block(int(word)) for word in words.split(",") if word))

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What a process must inherit."""
        return tuple(each.descriptor for each in (self.requests, self.replies) if each is not None)

    @property
    def words(self) -> str:
        """Say to the process that has inherited them which they are."""
        return ",".join(map(str, self.descriptors))

    def close(self) -> None:
        """Give them back."""
        for each in (self.requests, self.replies):
            if each is not None:
                each.close()


def _new_block() -> Block | None:
    if sys.platform != "linux":
        return None
    import fcntl  # which Windows lacks

    with contextlib.suppress(OSError):
        descriptor = os.memfd_create("assay", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
        except OSError:
            os.close(descriptor)
            raise
        return Block(descriptor)
    return None
