"""Doctor check of secrets: no other user of this machine reads or replaces one, in files, settings, environments of units, or backups."""

import os
import re
import stat
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import which

from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlmodel import col

from triage.config.secret_files import ENCRYPTED, UNITS
from triage.config.settings import Settings, every_key
from triage.config.settings_loader import choose_file, read_tables
from triage.errors import BadInput
from triage.store import db
from triage.store.last_runs import BACKUP
from triage.store.models.audit import AuditRecord
from triage.text.numbers import format_count
from triage_cli.client.local_setup import database_of
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding

WHAT = "secrets"
STORE = Path("/etc/mailroom/secrets")
PUBLIC = frozenset({("smtp", "tls_cert")})  # everybody may read it, and nobody else replace it
WITH_PASSWORD = frozenset({("database", "url"), ("database", "listen_url"), ("database", "read_url")})
ASSIGNMENT = re.compile(r"MAILROOM_([A-Z0-9_]+?)__([A-Z0-9_]+)=(\S*)")
ENVIRONMENT_FILE = re.compile(r"^EnvironmentFiles=(/\S+)", re.MULTILINE)
BACKUPS = 3  # the newest ones
SECONDS = 10


def check_secrets(settings: Settings, config: str | None) -> Iterator[Finding]:
    """Can another user of this machine read or replace a secret? Files that this user cannot reach are not the doctor's to judge."""
    files = dict(secret_files(settings))
    backups = list(newest_backups(settings))
    faults = [*exposed_files(files), *exposed_settings(config), *exposed_environments(), *exposed_backups(backups)]
    yield from faults
    yield from check_encryption(os.environ)
    if not faults:
        looked = f"{format_count(len(files), 'file')}, the settings, the units' environment and {format_count(len(backups), 'backup')}"
        yield Finding(OK, WHAT, f"no other user of this machine can read or replace one ({looked})")


def secret_files(settings: Settings) -> Iterator[tuple[Path, bool]]:
    """The files of secrets that the settings name, and the directory of those that systemd hands out; with whether all may read it."""
    for section, name, one in every_key():
        value = getattr(getattr(settings, section), name)
        if one.metadata["file"] and value:
            yield Path(value), (section, name) in PUBLIC
    for hook in settings.webhooks.hooks:
        yield from ((Path(file), False) for file in (hook.url_file, hook.secret_file) if file)
    for provider in settings.identity.providers:
        if provider.client_secret_file:
            yield Path(provider.client_secret_file), False
    if STORE.exists():
        yield STORE, False


def exposed_files(files: Mapping[Path, bool]) -> Iterator[Finding]:
    """A finding for each of these files that another user can read or replace."""
    for path, is_public in files.items():
        if not path.is_relative_to(UNITS) and (why := find_exposure(path, is_public=is_public)):
            yield Finding(FAIL, WHAT, why[0], why[1])


def find_exposure(path: Path, *, is_public: bool = False) -> tuple[str, str] | None:
    """Says how another user reads or replaces a file or directory, and the command that ends it. None: not at all, or it is not there."""
    try:
        real = path.resolve(strict=True)
        modes = {one: one.stat().st_mode for one in (real, *real.parents, *path.absolute().parents)}
    except OSError:  # missing, which others report; or closed to this user, and so to others
        return None
    for one, mode in modes.items():
        if mode & stat.S_IWOTH and (one == real or not mode & stat.S_ISVTX):
            return f"every user of this machine can replace {path}: {one} is writable for all", f"chmod o-w {one}"
    is_reachable = all(modes[parent] & stat.S_IXOTH for parent in real.parents)
    opens = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(modes[real]) else 0)
    if not is_public and is_reachable and modes[real] & opens:
        return f"every user of this machine can read {path}", f"chmod o= {real}, and replace the secret: it may be known"
    return None


def exposed_settings(config: str | None) -> Iterator[Finding]:
    """A finding for the settings file, where it holds secrets and others may read it."""
    if not (file := choose_file(config, os.environ)) or not (why := find_exposure(file)):
        return
    tables = read_tables(file)
    held = [f"{section}.{name}" for section, keys in tables.items() for name, value in keys.items() if is_secret(section, name, value)]
    hooks = tables.get("webhooks", {}).get("hooks", {})
    held += [f"webhooks.hooks.{name}.url" for name, hook in hooks.items() if isinstance(hook, dict) and hook.get("url")]
    if held:
        do = f"move them to files of their own ({STORE}/SECTION.KEY under systemd; url_file for a webhook), or {why[1]}"
        yield Finding(WARN, WHAT, f"{why[0]}, which holds {', '.join(held)}", do)


def is_secret(section: str, name: str, value: object) -> bool:
    """Tells whether a value of the settings is a secret: by its key, or because the URL has a password."""
    if (section, name) in WITH_PASSWORD:
        try:
            return bool(make_url(str(value)).password)
        except ArgumentError:
            return False
    return any((section, name) == (key[0], key[1]) and key[2].metadata["secret"] for key in every_key()) and bool(value)


def exposed_environments() -> Iterator[Finding]:
    """A finding for secrets in the environment of our units: every user may ask systemd for it."""
    if not which("systemctl"):
        return
    command = ["systemctl", "show", "--property=Environment,EnvironmentFiles", "mailroom*.service"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS).stdout
    except subprocess.TimeoutExpired:
        return
    for section, name, value in sorted(set(ASSIGNMENT.findall(said))):
        if is_secret(section.lower(), name.lower(), value):
            key = f"{section.lower()}.{name.lower()}"
            do = f"write it into {STORE}/{key}, remove the line from the unit, and replace the secret: it may be known"
            yield Finding(FAIL, WHAT, f"the environment of a unit holds {key}: every user of this machine reads it by `systemctl show`", do)
    yield from exposed_files(dict.fromkeys(map(Path, ENVIRONMENT_FILE.findall(said)), False))


def newest_backups(settings: Settings) -> Iterator[Path]:
    """Directories of the newest backups that are still there. A database that does not answer has a finding of its own."""
    newest = select(AuditRecord).where(col(AuditRecord.subject) == BACKUP).order_by(col(AuditRecord.id).desc()).limit(BACKUPS)
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            named = [Path(str(one.detail.get("directory", ""))) for one in session.scalars(newest)]
    except BadInput:
        return
    yield from (path for path in dict.fromkeys(named) if path.is_absolute() and path.is_dir())


def exposed_backups(backups: list[Path]) -> Iterator[Finding]:
    """A finding for each backup that another user can read or replace: it holds messages, and what second factors are made from."""
    for path in backups:
        if why := find_exposure(path):
            yield Finding(FAIL, WHAT, f"{why[0]}: a backup holds messages and second factors", why[1])


def check_encryption(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Says how many credentials of this process are encrypted, and warns of one that is plain as well: its encrypted form is old."""
    if not (named := environment.get("CREDENTIALS_DIRECTORY")):
        return
    there = [one.name for one in sorted(Path(named).iterdir()) if one.read_bytes().strip()]
    plain = [name for name in there if not name.startswith(ENCRYPTED)]
    if both := [name for name in plain if ENCRYPTED + name in there]:
        yield Finding(WARN, WHAT, f"plain and encrypted: {', '.join(both)}; the plain one counts", "run `mailroom secrets encrypt`")
    elif plain:
        yield Finding(OK, WHAT, f"{len(there) - len(plain)} encrypted, {len(plain)} plain: `mailroom secrets encrypt` encrypts them")
