"""`python -I -S enter.py PLAN COMMAND ...` confines itself as PLAN says, and becomes COMMAND.

It runs before any library is loaded, since a process of several threads cannot enter a namespace of its own, and uses
the standard library alone. PLAN is a JSON object:

    hidden      folders that are empty from here on
    unwritable  folders that cannot be written to
    writable    null, or the only folders that can be written to; then there is no network either
    life        a descriptor whose other end the judge holds: when that is closed, everything started here is ended
    report      a descriptor for one JSON object: {"holds": NAMES}, and then {"errno": N} if COMMAND cannot be run

What the system does not grant is left out of `holds`; it is no error here.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import struct
import sys

TYPE_CHECKING = False  # of `typing`, whose import would take as long as the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# <linux/prctl.h>, <linux/sched.h>, <linux/mount.h>, <linux/landlock.h>: the same numbers on every processor.
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_NEW_MOUNTS, _NEW_USER, _NEW_NETWORK = 0x00020000, 0x10000000, 0x40000000
_READ_ONLY, _NO_SUID, _NO_DEVICES, _NO_PROGRAMS = 1, 2, 4, 8
_REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 32, 4096, 16384, 1 << 18
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF, _BENEATH = 444, 445, 446, 1
_MAKE_BLOCK_DEVICE, _REFER, _TRUNCATE = 1 << 11, 1 << 13, 1 << 14
_WRITING = (1 << 1) | sum(1 << bit for bit in range(4, 13))
"""Writing to a file, removing one, and making one of every kind: known since the first version of Landlock."""

# What would let root undo the rest: files by handle, network devices, modules, raw devices, tracing, mounting, device
# files. The rights over other users' files stay, since the implementation's own files may be another user's.
_DANGEROUS = (2, 12, 16, 17, 19, 21, 22, 27)
_EVERY_CAPABILITY = range(64)

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Do as the plan says, report what holds, become the command."""
    plan, command = json.loads(sys.argv[1]), sys.argv[2:]
    holds = _confined(plan) if sys.platform == "linux" else []
    if sys.platform != "linux":
        _end_with(plan["life"], None)
    holds.append("ends with the judge")
    os.write(plan["report"], json.dumps({"holds": holds}).encode() + b"\n")
    for descriptor in (plan["life"], plan["report"]):
        os.set_inheritable(descriptor, False)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(plan["report"], json.dumps({"errno": error.errno}).encode() + b"\n")
        os._exit(127)


def _confined(plan: dict[str, Any]) -> list[str]:
    """Enter namespaces, and give up what leads out of them; return what holds."""
    holds, mounts = [], None
    # Half of a namespace, as some systems grant it, is worse than none: a child tries it first.
    if _works(_own_mounts) and _own_mounts():
        mounts = _inode("/proc/self/ns/mnt")
        if all(map(_mount_read_only, plan["unwritable"])):
            holds.append("the judge's files cannot be changed")
        if all(map(_mount_empty, plan["hidden"])):
            holds.append("the judge's files cannot be read")
        with contextlib.suppress(OSError):  # what was mounted above it counts for names that are looked up anew
            os.chdir(os.getcwd())
    if plan["writable"] is not None and _libc.unshare(_NEW_NETWORK) == 0:
        holds.append("no network")
    _end_with(plan["life"], mounts)
    for capability in _DANGEROUS if os.getuid() == 0 else _EVERY_CAPABILITY:
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        holds += ["no new privileges", *_landlocked(plan["writable"])]
    return holds


def _works(step: Callable[[], bool]) -> bool:
    """Say whether a step succeeds, in a process that does not matter."""
    child = os.fork()
    if child == 0:
        os._exit(0 if step() else 1)
    return os.waitpid(child, 0)[1] == 0


def _own_mounts() -> bool:
    """Enter a namespace of mounts, and of users where that needs it; nothing that is mounted there shows outside."""
    user, group = os.getuid(), os.getgid()
    # Root keeps its own user namespace: in another it would lose its rights over other users' files.
    own_user = 0 if user == 0 else _NEW_USER
    if _libc.unshare(_NEW_MOUNTS | own_user) != 0:
        return False
    maps = {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"} if own_user else {}
    try:
        for name, text in maps.items():
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    except OSError:
        return False
    return _mount(None, "/", _RECURSIVE | _PRIVATE)


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


def _mount(source: str | None, target: str, flags: int, kind: str | None = None, options: str | None = None) -> bool:
    named = [None if each is None else os.fsencode(each) for each in (source, target, kind, options)]
    return bool(_libc.mount(*named[:3], ctypes.c_ulong(flags), named[3]) == 0)


def _mount_read_only(folder: str) -> bool:
    """Mount a folder on itself, read only; what was forbidden there before cannot be allowed by this."""
    try:
        kept = os.statvfs(folder).f_flag & (_NO_SUID | _NO_DEVICES | _NO_PROGRAMS)
    except OSError:
        return False
    return _mount(folder, folder, _BIND | _RECURSIVE) and _mount(None, folder, _BIND | _REMOUNT | _READ_ONLY | kept)


def _mount_empty(folder: str) -> bool:
    return _mount("none", folder, _READ_ONLY | _NO_SUID | _NO_DEVICES | _NO_PROGRAMS, "tmpfs", "size=4k,mode=755")


def _landlocked(writable: list[str] | None) -> list[str]:
    """Restrict this process and all that it starts by Landlock; return what holds by that."""
    version = _libc.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 2:  # the first version forbids moving files between folders, which caches of compilers do
        return []
    # A ruleset must handle something: to make block devices, nobody may who is judged.
    files = _REFER | _MAKE_BLOCK_DEVICE
    if writable is not None:
        files |= _WRITING | (_TRUNCATE if version >= 3 else 0)
    network = 0b11 if writable is not None and version >= 4 else 0  # binding and connecting, of TCP
    scope = 0 if version < 6 else 0b10 if writable is None else 0b11  # signals, and abstract sockets
    attributes = struct.pack("=QQQ", files, network, scope)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    ruleset = _libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return []
    beneath = {"/": _REFER} if writable is None else dict.fromkeys([*writable, "/dev"], files & ~_MAKE_BLOCK_DEVICE)
    allowed = all(_allowed(ruleset, folder, rights) for folder, rights in beneath.items())
    if not allowed or _libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
        return []
    os.close(ruleset)
    holds = ["no tracing of other processes"]
    holds += ["no signals to other processes"] * (version >= 6)
    return holds + ["no writing elsewhere"] * (writable is not None and version >= 3)


def _allowed(ruleset: int, folder: str, rights: int) -> bool:
    """Allow rights beneath a folder."""
    try:
        at = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return bool(_libc.syscall(_ADD_RULE, ruleset, _BENEATH, struct.pack("=Qi", rights, at), 0) == 0)
    finally:
        os.close(at)


def _end_with(life: int, mounts: int | None) -> None:
    """Fork a process that waits until the judge's end of a pipe is closed, and then ends all that was started here."""
    session = os.getpid()
    if os.fork():
        return
    os.setsid()  # or it would end itself
    os.closerange(0, life)
    os.closerange(life + 1, 1024)
    with contextlib.suppress(OSError):
        os.read(life, 1)
    for _ in range(10):  # what forks while it is looked for
        if not _end_all(session, mounts):
            break
    os._exit(0)


def _end_all(session: int, mounts: int | None) -> int:
    """Kill every process of the session, and of the namespace, if there is one; return how many there were."""
    if not os.path.isdir("/proc/self"):
        with contextlib.suppress(OSError):
            os.killpg(session, signal.SIGKILL)
        return 0
    killed = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, ValueError):
            number = int(name)
            inside = mounts is not None and _inode(f"/proc/{name}/ns/mnt") == mounts
            if number != os.getpid() and (inside or os.getsid(number) == session):
                os.kill(number, signal.SIGKILL)
                killed += 1
    return killed


if __name__ == "__main__":
    main()
