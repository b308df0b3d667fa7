"""Protocol of the API's Unix socket, shared with the commands: path, frames, and how each side recognises the other.

A command says hello with its version, a digest of its settings and who is at the keyboard; "welcome" lets it ask. A request is a line of
JSON {method, target, length} and its body; an answer is a line {status} and pieces with their length before them, the last one empty.
There are no header fields: no cookie, token or origin goes this way.
"""

import json
import socket
import struct
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from triage.runtime.json_socket import address_of

DIRECTORY, NAME = "api", "shell.sock"  # in the spool directory
LINE = 64 * 1024  # bytes of a line
MOST = 64 * 1024 * 1024  # bytes of a body; a command with a larger one works on the database itself
WELCOME = "welcome"
LENGTH = struct.Struct("!I")
UCRED = struct.Struct("iII")  # struct ucred of unix(7): process, user, group


def uid_of(peer: socket.socket) -> int:
    """The user at the other end, as the kernel knows it: who connected, or who began to listen (SO_PEERCRED)."""
    _, uid, _ = UCRED.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size))
    return int(uid)


def address_in(directory: Path) -> AbstractContextManager[str]:
    """The address of the socket in this directory, for as long as the `with` lasts."""
    return address_of(directory / NAME)


def line_of(values: Any) -> bytes:
    """Values as one line."""
    return json.dumps(values).encode() + b"\n"


def values_of(line: bytes) -> dict[str, Any]:
    """The values of a line; ValueError when they are none."""
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def piece_of(body: bytes) -> bytes:
    """A piece of an answer; b"" is the end."""
    return LENGTH.pack(len(body)) + body
