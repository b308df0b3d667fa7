"""Secrets on disk: each a file that only root reads, or encrypted by systemd-creds with this machine's TPM or host key."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from triage.errors import BadInput, Refused
from triage.runtime.durable_files import sync_directory
from triage_cli.secrets.known_secrets import DIRECTORIES, KNOWN, credential_name

PLACE = Path("/etc/mailroom/secrets")
TOOL = "systemd-creds"
SECONDS = 60  # a TPM takes one or two


class NotEncryptable(Refused):
    """This machine cannot encrypt: no systemd-creds, or no key to encrypt with."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets below a directory: NAME is plain, encrypted/NAME encrypted. Where both are, the plain one counts: it is newer."""

    place: Path

    def plain(self, name: str) -> Path:
        """Returns the path of the plain file of this secret."""
        return self.place / name

    def encrypted(self, name: str) -> Path:
        """Returns the path of its encrypted file."""
        return self.place / "encrypted" / name

    def list_plain(self) -> list[str]:
        """Lists the names of plain files, without empty ones."""
        return [name for name in names_below(self.place) if self.plain(name).read_bytes().strip()]

    def list_encrypted(self) -> list[str]:
        """Lists the names of encrypted files."""
        return list(names_below(self.place / "encrypted"))

    def read(self, name: str) -> bytes:
        """Returns the secret that counts, b"" where there is none. BadInput when this machine cannot open it."""
        if name in self.list_plain():
            return self.plain(name).read_bytes()
        return open_encrypted(name, self.encrypted(name)) if self.encrypted(name).exists() else b""

    def encrypt(self, name: str) -> None:
        """Encrypts a plain file. It goes only when the encrypted one was written and opened again."""
        secret = self.plain(name).read_bytes()
        self.write_encrypted(name, secret)
        self.plain(name).unlink()
        sync_directory(self.plain(name).parent)

    def decrypt(self, name: str) -> None:
        """Writes an encrypted secret as a plain file again, unless there is one, which is newer."""
        if name not in self.list_plain():
            write_file(self.plain(name), open_encrypted(name, self.encrypted(name)))
        self.encrypted(name).unlink()
        sync_directory(self.encrypted(name).parent)

    def write_encrypted(self, name: str, secret: bytes) -> None:
        """Writes it encrypted, once it is proven that this machine opens it."""
        written = run_tool("encrypt", f"--name={credential_name(name)}", *choose_key(), "-", "-", given=secret)
        if run_tool("decrypt", f"--name={credential_name(name)}", "-", "-", given=written) != secret:
            raise NotEncryptable(f"{TOOL} does not give back what it encrypted; the secret stays as it is")
        write_file(self.encrypted(name), written)

    def write(self, name: str, secret: bytes) -> bool:
        """Writes a new value, encrypted where this machine can. Returns whether it is encrypted."""
        try:
            self.write_encrypted(name, secret)
        except NotEncryptable:
            write_file(self.plain(name), secret)
            self.encrypted(name).unlink(missing_ok=True)
            return False
        self.plain(name).unlink(missing_ok=True)
        return True

    def keep(self, name: str) -> dict[Path, bytes]:
        """Returns the files of a secret, to put them back by `put_back`."""
        return {path: path.read_bytes() for path in (self.plain(name), self.encrypted(name)) if path.exists()}

    def put_back(self, name: str, kept: dict[Path, bytes]) -> None:
        """Makes the files of a secret what they were."""
        for path, data in kept.items():
            write_file(path, data)
        for path in {self.plain(name), self.encrypted(name)} - kept.keys():
            path.unlink(missing_ok=True)


def names_below(place: Path) -> Iterator[str]:
    """Names of the known secrets that have a file there, webhooks/FILE included."""
    for name in sorted(KNOWN):
        if name not in DIRECTORIES and (place / name).is_file():
            yield name
    for directory in DIRECTORIES:
        with suppress(FileNotFoundError):
            yield from sorted(f"{directory}/{one.name}" for one in (place / directory).iterdir() if one.is_file() and one.name[0] != ".")


def open_encrypted(name: str, file: Path) -> bytes:
    """Returns what is encrypted in a file. BadInput when this machine cannot open it, with what to do."""
    try:
        return run_tool("decrypt", f"--name={credential_name(name)}", str(file), "-")
    except NotEncryptable as fault:
        raise BadInput(
            f"{file} cannot be opened here ({fault}). It was encrypted on another machine, under another name, or its host key is gone. "
            f"Write the secret into {file.parents[len(Path(name).parts)] / name}, remove {file}, and run this again"
        ) from None


def choose_key() -> tuple[str, ...]:
    """Options that encrypt to the TPM and the host key, or where there is no TPM to the host key. No update of firmware shuts it out."""
    tpm = subprocess.run([find_tool(), "has-tpm2", "--quiet"], capture_output=True, check=False, timeout=SECONDS).returncode == 0
    return ("--with-key=auto", "--tpm2-pcrs=") if tpm else ("--with-key=host",)


def run_tool(*words: str, given: bytes | None = None) -> bytes:
    """Runs systemd-creds. NotEncryptable says why it refused."""
    command = [find_tool(), *words]
    done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=SECONDS)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise NotEncryptable(f"{TOOL}: {said[-1] if said else f'exit code {done.returncode}'}")
    return done.stdout


def find_tool() -> str:
    """Returns the path of systemd-creds. NotEncryptable where it is missing."""
    if not (found := which(TOOL)):
        raise NotEncryptable(f"{TOOL} is missing: it comes with systemd 250 and later")
    return found


def write_file(path: Path, data: bytes) -> None:
    """Writes a file for its owner alone, as a whole or not at all, on disk when this returns."""
    new = path.with_name(f".{path.name}.new")
    try:
        for directory in (path.parent.parent, path.parent):
            directory.mkdir(mode=0o700, exist_ok=True)
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_directory(path.parent)
    except OSError as fault:
        new.unlink(missing_ok=True)
        raise BadInput(f"{path} cannot be written ({fault.strerror}); the secret is as it was") from fault
