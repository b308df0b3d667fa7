"""Attacker with all rights in the database, who drops the triggers that protect the audit log."""

from sqlalchemy import text
from sqlmodel import Session

TRIGGERS = ("audit_record_keeps", "audit_record_stays")


def unguard(session: Session) -> None:
    """Let this database change its audit log; only in PostgreSQL does the guard come back with the end of the transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL session_replication_role = replica"))
    else:
        for name in TRIGGERS:
            session.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
