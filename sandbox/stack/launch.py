"""Becomes a program that dies with its parent, as another user if asked: `launch.py PARENT SIGNAL USER PROGRAM...`.

Run as a script, with nothing but the standard library.  It exists because three things must happen between
fork and exec, in this order: change the user (PostgreSQL refuses root), ask for a signal when the parent dies
(a change of user forgets that wish, so it comes after), and check that the parent has not died meanwhile.

The other user keeps one of root's capabilities, CAP_DAC_OVERRIDE, so that a checkout or a data folder
below a closed home directory can be used as it is: no folder's mode is changed for PostgreSQL's sake.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


def become(user: str) -> None:
    """Change to `user`, keeping CAP_DAC_OVERRIDE across the change and across exec where the kernel lets us."""
    entry = pwd.getpwnam(user)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    bit = 1 << CAP_DAC_OVERRIDE
    effective_permitted_inheritable = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    if libc.capset(header, effective_permitted_inheritable) == 0:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def main(parent: int, death_signal: int, user: str, program: list[str]) -> None:
    if user != "-":
        become(user)
    libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the supervisor died before the program started")
    os.execv(program[0], program)  # noqa: S606 - becoming the program is the point


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
