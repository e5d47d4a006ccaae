"""Run a program that does not hear of the machine's networks: ``undisturbed.py PROGRAM ...``.

Chromium gives up all that it is loading (``ERR_NETWORK_CHANGED``) when an address of this machine
comes or goes, as with each network of another test's daemon. Where it may not listen, it takes
the network for one that stays.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

AF_NETLINK = 16
# By the machine: how the kernel calls it, and the number of the system call `socket`.
MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
SET_SECCOMP, FILTER, SET_NO_NEW_PRIVILEGES = 22, 2, 38
LOAD, IS, GIVE = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000


def refuse_netlink() -> None:
    """Have the kernel refuse this process, and what it becomes, sockets of its own news.

    Source: Linux, "Seccomp BPF (SECure COMPuting with filters)".
    """
    machine, call = MACHINES[platform.machine()]
    steps = [
        (LOAD, 0, 0, 4),
        (IS, 0, 5, machine),
        (LOAD, 0, 0, 0),
        (IS, 0, 3, call),
        (LOAD, 0, 0, 16),
        (IS, 0, 1, AF_NETLINK),
        (GIVE, 0, 0, REFUSE | errno.EAFNOSUPPORT),
        (GIVE, 0, 0, ALLOW),
    ]
    program = b"".join(struct.pack("HBBI", *step) for step in steps)
    held = ctypes.create_string_buffer(program)
    described = struct.pack("HP", len(steps), ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    for words in ((SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (SET_SECCOMP, FILTER, described, 0, 0)):
        if libc.prctl(*words) != 0:
            raise OSError(ctypes.get_errno(), "the kernel takes no filter")


if __name__ == "__main__":
    refuse_netlink()
    os.execv(sys.argv[1], sys.argv[1:])
