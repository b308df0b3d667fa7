"""The listening sockets of the SMTP server: handed over by systemd, or bound here."""

import contextlib
import errno
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from triage.config.settings import Smtp, host_port
from triage.errors import BadInput
from triage.runtime.systemd import handed_over

BACKLOG = 1024
SOCKET_MODE = 0o660  # of a unix socket: owner and group may connect


@dataclass
class Listeners:
    """Sockets that accept SMTP and LMTP connections."""

    smtp: list[socket.socket]
    lmtp: list[socket.socket]

    def close(self) -> None:
        """The addresses are free for a successor from here on."""
        for listener in (*self.smtp, *self.lmtp):
            listener.close()

    def __str__(self) -> str:
        """Addresses that are listened on, for the log."""
        return ", ".join([*map(name_of, self.smtp), *(f"{name_of(one)} (LMTP)" for one in self.lmtp)])


def open_listeners(limits: Smtp, setting: str = "smtp.listen") -> Listeners:
    """systemd's sockets; smtp.listen and smtp.lmtp_listen where it hands none over. BadInput says what is in the way.

    `setting`: where smtp.listen was taken from.
    A socket unit names the LMTP socket with FileDescriptorName=lmtp.
    """
    activated = list(handed_over())
    smtp = [one for name, one in activated if name != "lmtp"]
    lmtp = [one for name, one in activated if name == "lmtp"]
    if not smtp:
        smtp = [bind_socket(limits.listen, setting)]
    if not lmtp and limits.lmtp_listen:
        lmtp = [bound_path(limits.lmtp_listen) if "/" in limits.lmtp_listen else bind_socket(limits.lmtp_listen, "smtp.lmtp_listen")]
    return Listeners(smtp, lmtp)


def bind_socket(listen: str, setting: str) -> socket.socket:
    """A socket that listens on HOST:PORT."""
    host, port = host_port(listen, setting)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as fault:
        raise BadInput(fault_of(listen, setting, fault)) from fault


def bound_path(path: str) -> socket.socket:
    """A unix socket that owner and group may connect to. What a killed process has left there is replaced."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        remove_left_over(path)
        listener.bind(path)
        Path(path).chmod(SOCKET_MODE)
        listener.listen(BACKLOG)
    except OSError as fault:
        listener.close()
        raise BadInput(fault_of(path, "smtp.lmtp_listen", fault)) from fault
    return listener


def remove_left_over(path: str) -> None:
    """Remove a socket that nobody listens on any more."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(Path(path).stat().st_mode):
            raise FileExistsError(errno.EADDRINUSE, "another file is there", path)
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(path) == errno.ECONNREFUSED:
                Path(path).unlink()


def fault_of(listen: str, setting: str, fault: OSError) -> str:
    """Returns why an address cannot be listened on, and what to do."""
    if isinstance(fault, socket.gaierror):
        return f"{setting} names {listen}, which is no address of this machine; change {setting}"
    if isinstance(fault, PermissionError):
        what = "make its directory writable" if "/" in listen else "use a port above 1023"
        return f"{listen} needs more rights; {what}, or start mailroom by its systemd socket"
    if fault.errno == errno.EADDRINUSE:
        return f"{listen} is in use; stop the other program or change {setting}"
    return f"{listen} cannot be listened on: {fault.strerror}; change {setting}"


def name_of(listener: socket.socket) -> str:
    """HOST:PORT, or the path."""
    if listener.family == socket.AF_UNIX:
        return str(listener.getsockname())
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
