"""Lays out a demo in a directory: settings, people, DNS zone and keys. Starting over removes only what a demo made."""

import shutil
from pathlib import Path

from demo.company import DOMAIN, FREEMAIL, HOSTNAME, as_toml, quote_value
from demo.keys import read_keys
from demo.write import write_file
from demo.zone import zone_text
from triage.config.settings import Policy
from triage.errors import BadInput

MARKER = ".mailroom-demo"
HOST = "127.0.0.1"  # the demo is for this machine only: its passwords are known to everybody
UNDO_SECONDS = 10


def prepare_demo(directory: Path, *, fresh: bool = False, smtp_port: int = 2525, http_port: int = 8080, outbound_port: int = 2526) -> Path:
    """Make `directory` a demo and return the path of its mailroom.toml.

    What is missing is written; people, keys and mail that are there stay. mailroom.toml and the zone file follow from
    the arguments and the keys and are written again each time. `fresh` removes everything in the directory first.
    BadInput when the directory holds something that no demo made: nothing is touched then.
    """
    directory = directory.resolve()
    claim_directory(directory)
    if fresh:
        clear_directory(directory)
    if not (directory / "company.toml").exists():
        write_file(directory / "company.toml", as_toml().encode())
    write_file(directory / "demo.zone", zone_text(read_keys(keys_directory(directory))).encode())
    write_file(directory / "mailroom.toml", settings_toml(directory, smtp_port, http_port, outbound_port).encode())
    return directory / "mailroom.toml"


def keys_directory(directory: Path) -> Path:
    """Returns the directory of the demo's DKIM keys."""
    return directory / "keys"


def claim_directory(directory: Path) -> None:
    """Mark the directory as a demo's, unless something else is in it."""
    if (directory / MARKER).is_file():
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise BadInput(f"{directory} is not empty and not a demo's (it has no {MARKER}): name another directory for the demo")
        write_file(directory / MARKER, b"Made by mailroom demo. mailroom demo --fresh removes everything beside this file.\n")
    except OSError as fault:
        raise BadInput(f"{directory} cannot hold the demo: {fault.strerror}. Name another directory") from fault


def clear_directory(directory: Path) -> None:
    """Remove everything in a demo's directory but the marker. Links are removed, not followed."""
    for path in directory.iterdir():
        if path.name == MARKER:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def settings_toml(directory: Path, smtp_port: int, http_port: int, outbound_port: int) -> str:
    """The demo's settings, every path absolute so that it runs from anywhere."""
    freemail = tuple(sorted({*FREEMAIL, *Policy().freemail_domains}))
    return f"""\
# Written by mailroom demo at every start: change a copy of it.

[company]
domains = {quote_value((DOMAIN,))}
hostname = {quote_value(HOSTNAME)}

[database]
url = {quote_value(f"sqlite:///{directory / 'mailroom.db'}")}

[spool]
directory = {quote_value(str(directory / "spool"))}

[smtp]
listen = {quote_value(f"{HOST}:{smtp_port}")}

[relay]
next_hop = {quote_value(f"maildir:{directory / 'mailboxes'}")}
smarthost = {quote_value(f"maildir:{directory / 'outside'}")}

[outbound]
listen = {quote_value(f"{HOST}:{outbound_port}")}
networks = ["127.0.0.0/8", "::1/128"]

[dns]
zone_file = {quote_value(str(directory / "demo.zone"))}

[directory]
source = "file"
file = {quote_value(str(directory / "company.toml"))}

[api]
listen = {quote_value(f"{HOST}:{http_port}")}

[notices]
digest_at = "off"  # the demo is the same at every hour of the day

[policy]
undo_seconds = {UNDO_SECONDS}
freemail_domains = {quote_value(freemail)}
"""
