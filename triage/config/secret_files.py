"""Secret files of a webhook: its URL and its keys, read again for each call."""

import os
from collections.abc import Mapping
from pathlib import Path

from triage.config.webhooks import Hook, fault_of_url

UNITS = Path("/run/credentials")  # where systemd puts each unit's, for it alone
ENCRYPTED = "encrypted."  # begins the name of a credential that was encrypted (`mailroom secrets`); the same one as a plain file is newer


def url_of(hook: Hook) -> str:
    """The URL to call now. ValueError or OSError says why there is none."""
    url = hook.url or held_here(hook.url_file).read_text("utf-8").strip()
    if why := fault_of_url(url):
        raise ValueError(f"url_file: {why}")
    return url


def keys_of(hook: Hook) -> tuple[str, ...]:
    """The keys to sign with now, none where nothing is signed. ValueError or OSError says why they cannot be had."""
    if not hook.secret_file:
        return ()
    keys = tuple(line.strip() for line in held_here(hook.secret_file).read_text("utf-8").splitlines() if line.strip())
    if not keys:
        raise ValueError("secret_file is empty; `mailroom webhooks secret` makes a key")
    return keys


def held_here(file: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Returns the path of a secret file for this process: a credential that the settings name for one unit is among another's own."""
    path, own = Path(file), environment.get("CREDENTIALS_DIRECTORY")
    return find_credential(Path(own), path.name) if own and path.parent.parent == UNITS else path


def find_credential(directory: Path, name: str) -> Path:
    """Returns the path of a unit's credential: the encrypted one where the plain one is missing or empty."""
    plain, encrypted = directory / name, directory / (ENCRYPTED + name)
    return encrypted if encrypted.exists() and not (plain.exists() and plain.read_bytes().strip()) else plain
