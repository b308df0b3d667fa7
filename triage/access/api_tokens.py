"""Tokens: keys for programs, each for some kinds of work, some folders and a time; no longer good than its maker is. Kept as hashes."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from triage import ids
from triage.access import scope as access, staff_members
from triage.access.accounts import checked_scope
from triage.access.second_factor import factor_policy
from triage.actor import Actor, Grant, Role, Scope
from triage.addressing.networks import sender_network
from triage.errors import BadInput, NotAllowed, NotFound
from triage.say import quote_text, say
from triage.store import ledger
from triage.store.models.audit import AuditRecord
from triage.store.models.staff import ApiToken, StaffMember

PREFIX = "mailroom_"  # secret scanners find a key that leaked
LASTS = timedelta(days=90)  # unless somebody says otherwise
LONGEST = timedelta(days=366)
LONGEST_NAME = 64  # characters
UPKEEP = Actor.system("upkeep")
NEW_PLACE = "new-place"  # in the record of a token: it was used from a network for the first time
SEEN_EVERY = timedelta(seconds=30)  # a request writes `used_at` at most so often, from one network


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """A token that somebody asks for. Without `until` it lasts LASTS."""

    name: str
    grants: tuple[str, ...]
    scope: tuple[str, ...] = ("company",)
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Bearer:
    """Holder of the key in a request. `unseen`: `touch_token` is due, wherever it came from. `place`: the network it was last used from."""

    actor: Actor
    unseen: bool
    place: str = ""


def create_token(session: Session, order: TokenOrder, *, by: Actor, now: datetime) -> tuple[ApiToken, str]:
    """Make a token; its row, and the key, which nobody can read again. For administrators, within their own scope.

    BadInput names what cannot be. A token makes no tokens: a leaked one would outlive its end.
    """
    may_manage(by)
    if by.kind == "token":
        raise NotAllowed(say("a token cannot create tokens: sign in, or use `mailroom token create`"))
    factor_policy.require_proof(by)
    maker = session.get(StaffMember, by.name) if by.kind == "person" else None
    if maker and maker.is_break_glass:  # it would outlive the hour of the session
        raise NotAllowed(say("a break-glass account cannot create tokens: sign in with another account, or use `mailroom token create`"))
    scope = checked_scope(session, order.scope)
    if not by.scope.covers(Scope.parse(scope)):
        raise NotAllowed(
            say(
                "your scope is {yours}: you cannot create a token for {names}",
                yours=access.scope_shown(by),
                names=", ".join(scope),
            )
        )
    key = PREFIX + secrets.token_urlsafe(32)
    made = ApiToken(
        key_sha256=hash_key(key),
        name=checked_name(session, order.name, now),
        grants=checked_grants(order.grants),
        scope=scope,
        made_by=str(by),
        made_at=now,
        expires_at=checked_end(order.until, now),
    )
    if not is_maker_entitled(session, made, now):
        raise NotAllowed(
            say(
                "you have some of these rights only at certain hours: create the token for rights that you always have, as an administrator"
            )
        )
    session.add(made)
    session.flush()
    detail = {"what": "create", "name": made.name, "grants": made.grants, "scope": scope, "until": made.expires_at.isoformat()}
    ledger.write_act(session, "token", token_subject(made), by=by, now=now, detail=detail)
    return made, key


def revoke_token(session: Session, token_id: int, *, by: Actor, now: datetime) -> None:
    """End a token now. NotFound when there is none within the actor's scope; revoked again nothing changes."""
    may_manage(by)
    found = session.get(ApiToken, token_id, with_for_update=True)
    if found is None or not is_token_in_scope(found, by):
        raise NotFound(say("there is no token {token_id}", token_id=ids.format_id(token_id)))
    if found.revoked_at is None:
        end_token(session, found, by=by, now=now)


def revoke_tokens_of(session: Session, login: str, *, by: Actor, now: datetime) -> None:
    """End all tokens that this account made."""
    theirs = (col(ApiToken.made_by) == f"person:{login}") & col(ApiToken.revoked_at).is_(None)
    for one in session.scalars(select(ApiToken).where(theirs)).all():
        end_token(session, one, by=by, now=now, why=f"{login} is a break-glass account")


def end_token(session: Session, token: ApiToken, *, by: Actor, now: datetime, **why: str) -> None:
    """Revokes a token, in the audit log."""
    token.revoked_at, token.revoked_by = now, str(by)
    session.flush()
    ledger.write_act(session, "token", token_subject(token), by=by, now=now, detail={"what": "revoke", "name": token.name} | why)


def find_orphaned_tokens(session: Session, now: datetime) -> list[ApiToken]:
    """Tokens that would still be good, but whose maker is no administrator of their scope any more."""
    good = select(ApiToken).where(col(ApiToken.revoked_at).is_(None), col(ApiToken.expires_at) > now)
    return [one for one in session.scalars(good.order_by(col(ApiToken.id))) if not is_maker_entitled(session, one, now)]


def end_orphaned_tokens(session: Session, *, now: datetime) -> int:
    """End the orphans for good: should their maker come back, they make new ones. How many."""
    found = find_orphaned_tokens(session, now)
    for one in found:
        end_token(session, one, by=UPKEEP, now=now, why=f"{one.made_by} is no administrator of its scope any more")
    return len(found)


def list_tokens(session: Session, *, by: Actor, limit: int = 50, before: int | None = None) -> list[ApiToken]:
    """Tokens within the actor's scope, those over too, the youngest first. `before` is an id."""
    may_manage(by)
    rows = select(ApiToken).order_by(col(ApiToken.id).desc())
    found = session.scalars(rows if before is None else rows.where(col(ApiToken.id) < before))
    return [one for one in found if is_token_in_scope(one, by)][:limit]


def find_token_holder(session: Session, key: str, now: datetime) -> Bearer | None:
    """Returns the holder of this key, read again each time; None when it is unknown, revoked or expired, or its maker lost the rights."""
    found = session.scalars(select(ApiToken).where(col(ApiToken.key_sha256) == hash_key(key))).first()
    if found is None or not in_force(session, found, now):
        return None
    return Bearer(actor_of(found), found.used_at is None or now - found.used_at >= SEEN_EVERY, sender_network(found.client))


def touch_token(session: Session, token_id: int, client: str, *, now: datetime) -> None:
    """The token has just been used from this network address; in the audit log where it had never been used from there."""
    token = session.get(ApiToken, token_id, with_for_update=True)
    if token is None:
        return
    if is_new_place(session, token, client):
        detail = {"what": NEW_PLACE, "name": token.name, "client": client}
        ledger.write_act(session, "token", token_subject(token), by=actor_of(token), now=now, detail=detail)
    token.used_at, token.client = now, client
    session.flush()


def is_new_place(session: Session, token: ApiToken, client: str) -> bool:
    """Whether this is a network from which the token was never used."""
    place = sender_network(client)
    if place in ("", sender_network(token.client)):
        return False
    acts = select(col(AuditRecord.detail)).where(col(AuditRecord.subject) == token_subject(token), col(AuditRecord.act) == "token")
    return all(one.get("what") != NEW_PLACE or sender_network(str(one.get("client", ""))) != place for one in session.scalars(acts))


def find_token_actor(session: Session, name: str, now: datetime) -> Actor | None:
    """The actor of a token, as the record names it without its kind; None when it is over."""
    found = session.get(ApiToken, ids.parse_id(name))
    return actor_of(found) if found and in_force(session, found, now) else None


def find_token_maker(session: Session, actor: str) -> str:
    """Returns who made the token that acted as `token:ID`; the actor itself where it is no token."""
    kind, _, name = actor.partition(":")
    found = session.get(ApiToken, ids.parse_id(name)) if kind == "token" else None
    return found.made_by if found else actor


def actor_of(token: ApiToken) -> Actor:
    """The token as one who acts. What is confidential is closed to it: a seal names people."""
    grants = frozenset(Grant(one) for one in token.grants)
    role = Role.ADMIN if Grant.ADMIN in grants else Role.TRIAGE
    return Actor("token", ids.format_id(token.id), role, Scope.parse(token.scope), f"{token.name} (token)", grants=grants)


def in_force(session: Session, token: ApiToken, now: datetime) -> bool:
    """Whether it is still good."""
    return token.revoked_at is None and token.expires_at > now and is_maker_entitled(session, token, now)


def is_maker_entitled(session: Session, token: ApiToken, now: datetime) -> bool:
    """Whether its maker is still an administrator whose scope covers it. Who made it in the shell is nobody's account."""
    kind, _, login = token.made_by.partition(":")
    if kind != "person":
        return True
    made_by = staff_members.find_staff_actor(session, login, now)
    return made_by is not None and made_by.role is Role.ADMIN and is_token_in_scope(token, made_by)


def may_manage(by: Actor) -> None:
    """NotAllowed unless tokens are the actor's business."""
    access.require_role(by, Role.ADMIN)
    access.require_grant(by, Grant.ADMIN)


def is_token_in_scope(token: ApiToken, by: Actor) -> bool:
    """Whether the actor's scope covers the token's."""
    return by.scope.covers(Scope.parse(token.scope))


def checked_name(session: Session, name: str, now: datetime) -> str:
    """A name that says what the token is for, and that no other one in force has."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput(
            say("write 1 to {longest_name} printable characters that say what the token is for", longest_name=LONGEST_NAME), field="name"
        )
    same = session.scalars(select(ApiToken).where(col(ApiToken.name) == name))
    if any(in_force(session, one, now) for one in same):
        raise BadInput(say("there already is a token {name}; revoke it, or choose another name", name=quote_text(name)), field="name")
    return name


def checked_grants(grants: tuple[str, ...]) -> list[str]:
    """Checks the grants of a token, at least one. BadInput says which there are."""
    if unknown := sorted(set(grants) - set(Grant)):
        raise BadInput(
            say("there is no {unknown}; there are {names}", unknown=quote_text(unknown[0]), names=", ".join(Grant)), field="grants"
        )
    if not grants:
        raise BadInput(say("name at least one of {names}", names=", ".join(Grant)), field="grants")
    return [one for one in Grant if one in grants]


def checked_end(until: datetime | None, now: datetime) -> datetime:
    """Returns when a token expires: always in the future and within LONGEST. BadInput says so."""
    end = until or now + LASTS
    if not now < end <= now + LONGEST:
        raise BadInput(say("a token expires in the future, after at most {days} days", days=LONGEST.days), field="until")
    return end


def hash_key(key: str) -> str:
    """Hashes a token's key for the database: 256 random bits need no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def token_subject(token: ApiToken) -> str:
    """Returns the audit log's subject for a token."""
    return f"token:{ids.format_id(token.id)}"
