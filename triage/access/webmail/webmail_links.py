"""Webmail links: keys with which a person's webmail acts for them, with the rights that they have at that moment. Stored as hashes."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlmodel import Session, col

from triage import ids
from triage.access.second_factor import factor_policy
from triage.access.sessions import hash_session_key
from triage.actor import EMPLOYEE, Actor
from triage.errors import BadInput, NotAllowed, NotAllowedNow, NotFound
from triage.say import say
from triage.store import ledger
from triage.store.models.sign_in import WebmailLink
from triage.store.models.staff import StaffMember

PREFIX = "mailroom_webmail_"  # by which the API and secret scanners recognise a key
LASTS = timedelta(days=90)
MOST = 10  # of one person
LONGEST_NAME = 64  # characters


def create_link(session: Session, name: str, *, by: Actor, now: datetime) -> tuple[WebmailLink, str]:
    """Make a link for whoever asks: its row, and the key, which nobody can read again. Expired links are deleted.

    NotAllowed for programs and break-glass accounts, FactorNeeded where a second factor is due, NotAllowedNow above MOST links.
    """
    may_link(session, by)
    session.execute(delete(WebmailLink).where(col(WebmailLink.expires_at) <= now))
    if len(list_links(session, by=by, now=now)) >= MOST:
        raise NotAllowedNow(say("you have {most} links: revoke one that you do not use", most=MOST))
    key = PREFIX + secrets.token_urlsafe(32)
    made = WebmailLink(key_sha256=hash_session_key(key), owner=str(by), name=checked_name(name), made_at=now, expires_at=now + LASTS)
    session.add(made)
    session.flush()
    detail = {"what": "create", "name": made.name, "until": made.expires_at.isoformat()}
    ledger.write_act(session, "webmail-link", link_subject(made), by=by, now=now, detail=detail)
    return made, key


def list_links(session: Session, *, by: Actor, now: datetime) -> list[WebmailLink]:
    """Links of whoever asks that still work, the newest first."""
    own = (col(WebmailLink.owner) == str(by), col(WebmailLink.expires_at) > now)
    return list(session.scalars(select(WebmailLink).where(*own).order_by(col(WebmailLink.id).desc())))


def revoke_link(session: Session, link_id: int, *, by: Actor, now: datetime) -> None:
    """End a link of one's own at once. NotFound when there is none."""
    found = session.get(WebmailLink, link_id, with_for_update=True)
    if found is None or found.owner != str(by):
        raise NotFound(say("there is no link {link_id}", link_id=ids.format_id(link_id)))
    ledger.write_act(session, "webmail-link", link_subject(found), by=by, now=now, detail={"what": "revoke", "name": found.name})
    session.delete(found)
    session.flush()


def may_link(session: Session, by: Actor) -> None:
    """NotAllowed unless a person with an account of their own asks, FactorNeeded where their second factor is due."""
    if by.kind not in ("person", EMPLOYEE):
        raise NotAllowed(say("this needs a person who has signed in: a token cannot do it"))
    factor_policy.require_proof(by)
    member = session.get(StaffMember, by.name) if by.kind == "person" else None
    if member and member.is_break_glass:  # it would outlive the hour of the session
        raise NotAllowed(say("a break-glass account links no webmail: sign in with another account"))


def checked_name(name: str) -> str:
    """A name that says which webmail it is. BadInput says what it may be."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput(
            say("write 1 to {longest_name} printable characters that say which webmail it is", longest_name=LONGEST_NAME), field="name"
        )
    return name


def link_subject(link: WebmailLink) -> str:
    """Returns the audit log's subject for a link."""
    return f"webmail-link:{ids.format_id(link.id)}"
