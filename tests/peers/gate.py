"""A gate before a server: connections wait in front of it until it opens."""

import contextlib
import socket
import threading
from collections.abc import Iterator


class Gate:
    """Listens on a port of its own and passes everything on to another one, once it is open."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.open = threading.Event()
        self.arrived = threading.Event()  # somebody waits
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]

    def serve(self) -> None:
        """Until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.arrived.set()
                self.open.wait()
                server = socket.create_connection(("127.0.0.1", self.target))
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=carry, args=(one, other), daemon=True).start()


def carry(source: socket.socket, target: socket.socket) -> None:
    """Every byte, until one side leaves."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def before(port: int) -> Iterator[Gate]:
    """A gate before this port, closed at first."""
    gate = Gate(port)
    threading.Thread(target=gate.serve, daemon=True).start()
    try:
        yield gate
    finally:
        gate.open.set()
        gate.listener.close()
