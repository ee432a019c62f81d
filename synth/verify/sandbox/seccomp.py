"""The filter of system calls: what has no use in a test and would hold memory that no limit counts, or open new namespaces.

A classic BPF program for `bwrap --seccomp`. Denied calls return EPERM; clone3, whose flags a filter cannot read, returns ENOSYS, so
that libc falls back to clone, whose namespace flags are looked at. Numbers: asm/unistd of Linux (arm64 has the generic table).
"""

import platform
import struct

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_NEW_NAMESPACES = 0x7E020080
"""CLONE_NEW*: mount, cgroup, UTS, IPC, user, PID, network, time."""

# in both tables: memory outside any process (memfd, System V), tracing, kernel interfaces, keys, namespaces, mounts
_DENIED: dict[str, tuple[int, ...]] = {
    "x86_64": (
        *(29, 30, 31, 64, 68, 69, 71, 240, 319, 447),  # shmget … memfd_create, memfd_secret
        *(
            101,
            155,
            161,
            165,
            166,
            169,
            175,
            176,
            179,
            246,
            248,
            249,
            250,
            272,
            298,
            303,
            304,
            308,
            310,
            311,
            313,
            320,
            321,
            323,
        ),
        *(425, 426, 427, 428, 429, 430, 431, 432, 433, 442),
    ),
    "aarch64": (
        *(194, 196, 190, 186, 180, 279, 447),
        *(
            117,
            41,
            51,
            40,
            39,
            142,
            105,
            106,
            60,
            104,
            217,
            218,
            219,
            97,
            241,
            264,
            265,
            268,
            270,
            271,
            273,
            294,
            280,
            282,
        ),
        *(425, 426, 427, 428, 429, 430, 431, 432, 433, 442),
    ),
}
_ARCH = {"x86_64": (0xC000003E, 56), "aarch64": (0xC00000B7, 220)}
"""Audit number of the architecture, and the number of clone."""
_CLONE3 = 435


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def program(machine: str | None = None) -> bytes:
    """The filter for a machine (this one by default). Raises NotImplementedError for an architecture without a table."""
    machine = machine or platform.machine()
    if machine not in _ARCH:
        raise NotImplementedError(f"no system call table for {machine}: x86_64 and aarch64 have one")
    arch, clone = _ARCH[machine]
    load, equal, at_least, any_bit, give = 0x20, 0x15, 0x35, 0x45, 0x06
    deny = _op(give, _ERRNO | _EPERM)
    ops = [_op(load, 4), _op(equal, arch, 1, 0), deny, _op(load, 0), _op(at_least, 0x40000000, 0, 1), deny]  # x32 too
    ops += [_op(equal, _CLONE3, 0, 1), _op(give, _ERRNO | _ENOSYS)]
    for number in _DENIED[machine]:
        ops += [_op(equal, number, 0, 1), deny]
    ops += [_op(equal, clone, 0, 3), _op(load, 16), _op(any_bit, _NEW_NAMESPACES, 0, 1), deny, _op(give, _ALLOW)]
    return b"".join(ops)
