"""Records changes of the settings since the last start in the audit log; of a secret only that it changed."""

import hashlib
import json
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage.actor import Actor
from triage.config.settings import Settings, every_key
from triage.store import ledger
from triage.store.models.markers import Marker

BY = Actor.system("upkeep")
NOTED = "settings@"  # before the name of a machine: what its settings were
HOSTNAME = "company.hostname"
URLS = ("database.url", "database.listen_url", "database.read_url")
SECRET = frozenset({"smtp.edge_token", *URLS, "webhooks.hooks"})  # a URL may hold a password, or be one


def note_settings(session: Session, settings: Settings, *, machine: str, now: datetime) -> list[str]:
    """Put the settings that differ from those of this machine's last start in the audit log, with both values; their names."""
    name = NOTED + machine
    kept, current = session.get(Marker, name), described_settings(settings)
    former = json.loads(kept.text) if kept else current
    session.merge(Marker(name=name, text=json.dumps(current, sort_keys=True)))
    changed = sorted(key for key in former.keys() | current.keys() if former.get(key) != current.get(key))
    if changed:
        detail = {
            "machine": machine,
            "changed": {key: [recorded_value(key, former.get(key)), recorded_value(key, current.get(key))] for key in changed},
        }
        ledger.write_act(session, "settings", "settings", by=BY, now=now, detail=detail)
    return changed


def list_hostnames(session: Session) -> set[str]:
    """The names in SMTP of the machines on which upkeep runs, this one among them."""
    kept = session.scalars(select(col(Marker.text)).where(col(Marker.name).startswith(NOTED)))
    return {json.loads(text).get(HOSTNAME, "").casefold() for text in kept} - {""}


def described_settings(settings: Settings) -> dict[str, str]:
    """Describes each setting by its name; of a secret only a digest."""
    values = {}
    for section, key, _ in every_key():
        name, value = f"{section}.{key}", str(getattr(getattr(settings, section), key))
        values[name] = hashlib.sha256(value.encode()).hexdigest() if name in SECRET else value
    return values


def recorded_value(name: str, value: str | None) -> str | None:
    """A value for the record; None where there was no such setting."""
    return "(secret)" if name in SECRET and value is not None else value
