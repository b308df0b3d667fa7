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
        self.guard = threading.Thread(target=self.serve)
        self.porters: list[threading.Thread] = []

    def serve(self) -> None:
        """Until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.arrived.set()
                self.open.wait()
                self.porters.append(threading.Thread(target=self.pass_on, args=(client,)))
                self.porters[-1].start()

    def pass_on(self, client: socket.socket) -> None:
        """Passes a connection on, both ways, until both sides have left."""
        with client, socket.create_connection(("127.0.0.1", self.target)) as server:
            back = threading.Thread(target=self.back, args=(server, client))
            back.start()
            carry_bytes(client, server)
            back.join()

    def back(self, server: socket.socket, client: socket.socket) -> None:
        """Carry the server's bytes to the client."""
        carry_bytes(server, client)

    def close(self) -> None:
        """Stop accepting connections, then close those that are open."""
        self.open.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.guard.join()
        for porter in self.porters:
            porter.join()
        self.listener.close()


class Swallower(Gate):
    """Passes mail on to an SMTP or LMTP server; what that says to the final dot nobody hears: the connection is gone."""

    def back(self, server: socket.socket, client: socket.socket) -> None:
        """Carry the server's bytes up to "send the message"; its next reply means that it has accepted the message."""
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)
                if b"354 " in data:
                    server.recv(65536)
                    client.shutdown(socket.SHUT_RDWR)
                    return
            client.shutdown(socket.SHUT_WR)


def carry_bytes(source: socket.socket, target: socket.socket) -> None:
    """Copies bytes until the source has no more."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def open_gate(port: int) -> Iterator[Gate]:
    """A gate before this port, closed at first."""
    with watch_gate(Gate(port)) as gate:
        yield gate


@contextlib.contextmanager
def swallow_answers(port: int) -> Iterator[Gate]:
    """An open gate before this port; the answers to what comes through are lost."""
    with watch_gate(Swallower(port)) as gate:
        gate.open.set()
        yield gate


@contextlib.contextmanager
def watch_gate(gate: Gate) -> Iterator[Gate]:
    """The gate at work."""
    gate.guard.start()
    try:
        yield gate
    finally:
        gate.close()
