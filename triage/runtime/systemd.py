"""Interface to systemd: listening sockets (sd_listen_fds(3)) and readiness of a role (sd_notify(3))."""

import os
import socket
from collections.abc import Iterator

FIRST_ACTIVATED = 3  # sd_listen_fds(3)


def handed_over() -> Iterator[tuple[str, socket.socket]]:
    """The sockets that systemd has opened for this process, with the names of their units' FileDescriptorName=."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    for number in range(int(os.environ.get("LISTEN_FDS", "0"))):
        yield names[number] if number < len(names) else "", socket.socket(fileno=FIRST_ACTIVATED + number)


def notify_ready() -> None:
    """Say that this role does its work from now on; nothing where nobody asked (Type=notify)."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = f"\0{path[1:]}" if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.sendto(b"READY=1", address)
