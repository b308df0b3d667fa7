"""Signed checkpoints of the audit log, outside the database: whoever rewrites all of the audit log cannot rewrite these.

A directory with a file for each month, a line of JSON for each checkpoint; copy them, or the log lines that repeat them, to
a place that this machine cannot change. The key is Ed25519 (RFC 8032).
"""

import base64
import binascii
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from triage.errors import BadInput
from triage.runtime.durable_files import append_lines
from triage.say import say

FILES = "checkpoints-*.jsonl"
LONGEST = 4096  # bytes of a line, more than any of ours


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Last record of the audit log at a moment."""

    sequence: int
    head: str  # the record's hash
    at: datetime

    def signed_text(self) -> bytes:
        """Returns the text that the checkpoint's signature covers."""
        return f"mailroom audit trail\n{self.sequence}\n{self.head}\n{self.at.isoformat()}\n".encode()


@dataclass(frozen=True, slots=True)
class Found:
    """A line of a file of checkpoints: what it says, or what is wrong with it."""

    where: str  # file:line
    checkpoint: Checkpoint | None
    fault: str = ""


def make_key(path: Path) -> str:
    """Write a new private key that only its owner can read; the public key for `audit.public_key`. BadInput when there is a file."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as fault:
        raise BadInput(f"{path} is there already; a key is never written over") from fault
    except OSError as fault:
        raise BadInput(f"{path} cannot be written: {fault.strerror}") from fault
    return encode_public_key(key.public_key())


def load_key(path: str | Path) -> Ed25519PrivateKey:
    """The private key in a PEM file. BadInput names the file and what is wrong."""
    try:
        key = load_pem_private_key(Path(path).read_bytes(), None)
    except OSError as fault:
        raise BadInput(f"audit.key_file {path} cannot be read: {fault.strerror}") from fault
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise BadInput(f"audit.key_file {path} is not a private key in PEM form; `mailroom audit key FILE` makes one") from fault
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput(f"audit.key_file {path} is no Ed25519 key; `mailroom audit key FILE` makes one")
    return key


def encode_public_key(key: Ed25519PublicKey) -> str:
    """A public key as the settings write it: base64 of its 32 bytes."""
    return base64.b64encode(key.public_bytes_raw()).decode()


def read_public(text: str) -> Ed25519PublicKey:
    """A public key as `encode_public_key` writes it. BadInput when it is none."""
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error) as fault:
        raise BadInput(f"“{text}” is no public key of the audit log; `mailroom audit key FILE` prints one") from fault


def append_checkpoint(directory: Path, checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """Sign and keep a checkpoint, on disk when this returns; the line. OSError when it cannot be written."""
    line = json.dumps(
        {
            "sequence": checkpoint.sequence,
            "head": checkpoint.head,
            "at": checkpoint.at.isoformat(),
            "signature": base64.b64encode(key.sign(checkpoint.signed_text())).decode(),
        }
    )
    append_lines(directory / name_of(checkpoint.at), line.encode() + b"\n", longest=LONGEST)
    return line


def read_checkpoints(directory: Path, key: Ed25519PublicKey) -> Iterator[Found]:
    """Reads the checkpoints, oldest first, and the faults of malformed lines. BadInput when the directory cannot be read."""
    require_directory(directory)
    for path in sorted(directory.glob(FILES)):
        for number, line in enumerate(lines_of(path), 1):
            yield read_line(line, f"{path.name}:{number}", key)


def newest_checkpoint(directory: Path, key: Ed25519PublicKey, *, through: int, until: datetime) -> int:
    """Last entry of the newest checkpoint that was made by then and saw none after `through`; 0 without such a checkpoint.

    As a rule one month is read: a year has a hundred thousand of them, and proving each signature takes a while.
    """
    for path in sorted(directory.glob(FILES), reverse=True):
        if path.name > name_of(until):
            continue
        for line in reversed(list(lines_of(path))):
            seen = read_line(line, path.name, key).checkpoint
            if seen is not None and seen.at <= until and seen.sequence <= through:
                return seen.sequence
    return 0


def require_directory(directory: Path) -> None:
    """BadInput where there is no such directory."""
    if not directory.is_dir():
        raise BadInput(f"audit.checkpoints {directory} is no directory; make it, writable for `mailroom upkeep` only")


def name_of(moment: datetime) -> str:
    """The file of a month."""
    return f"checkpoints-{moment:%Y-%m}.jsonl"


def lines_of(path: Path) -> Iterator[bytes]:
    """The whole lines of a file."""
    with path.open("rb") as file:
        yield from (line for line in file if line.endswith(b"\n"))


def read_line(line: bytes, where: str, key: Ed25519PublicKey) -> Found:
    """Reads one line of a checkpoint file, believed only with a good signature."""
    try:
        given = json.loads(line)
        checkpoint = Checkpoint(int(given["sequence"]), str(given["head"]), datetime.fromisoformat(given["at"]))
        signature = base64.b64decode(given["signature"], validate=True)
    except (ValueError, KeyError, TypeError):
        return Found(where, None, say("{where} is no checkpoint", where=where))
    try:
        key.verify(signature, checkpoint.signed_text())
    except InvalidSignature:
        return Found(where, None, say("{where} was not signed by this key", where=where))
    return Found(where, checkpoint)
