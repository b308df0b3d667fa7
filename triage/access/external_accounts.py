"""Accounts of those whom an identity provider has identified: bound to its `sub`, made, changed and closed by its groups."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, select
from sqlmodel import Session, col

from triage.access import accounts
from triage.access.accounts import PROVIDER
from triage.actor import Actor, Scope
from triage.config.group_grants import Given
from triage.config.identity_providers import LONGEST_NAME, LONGEST_SUB, Provider
from triage.errors import BadInput, NotAllowed
from triage.say import quote_text, say
from triage.store import ledger
from triage.store.models.directory import ConfidentialFolder, Department, Person
from triage.store.models.sign_in import ExternalIdentity, WebmailLink
from triage.store.models.staff import StaffMember, StaffSession, Substitution


@dataclass(frozen=True, slots=True)
class Proof:
    """Identity that a provider has proven, with its signature checked."""

    issuer: str
    sub: str
    login: str = ""
    name: str = ""
    groups: frozenset[str] = frozenset()  # of those that the settings name
    sends_groups: bool = True
    sid: str = ""  # of the provider's session
    has_factor: bool = False  # a second one was asked for there
    id_token: str = ""  # what was signed


@dataclass(frozen=True, slots=True)
class Admission:
    """The account of an identity, and why it may not be used; "" when it may."""

    login: str
    refusal: str = ""


def admit_identity(session: Session, provider: Provider, proof: Proof, *, now: datetime) -> Admission:
    """The account that this identity has here, as its groups are today; commit it also when it refuses. NotAllowed: there is none."""
    bound = session.get(ExternalIdentity, (proof.issuer, proof.sub))
    if bound is None:
        accounts.take_turns(session)  # of two first sign-ins at once the second finds what the first has made
        bound = session.get(ExternalIdentity, (proof.issuer, proof.sub))
    login = bound.login if bound else first_login(session, provider, proof, now)
    member = session.get(StaffMember, login)
    if member is None:  # the deletion must be committed: a later account of the same login is not theirs
        session.delete(session.get_one(ExternalIdentity, (proof.issuer, proof.sub)))
        removed = say(
            "the account {login} was removed; ask an administrator, who can add one and link it: `mailroom staff link`", login=login
        )
        return Admission(login, removed)
    if member.is_break_glass:
        return Admission(login, no_provider(login))
    if member.source == PROVIDER and not member.is_locked:
        follow_groups(session, member, provider, proof, now)
    if not member.active:
        closed = say("the account {login} is closed; ask an administrator", login=login)
        return Admission(login, closed if member.is_locked or provider.given_to(proof.groups) else no_group(provider, proof))
    if bound:
        bound.seen_at = now
    return Admission(login)


def first_login(session: Session, provider: Provider, proof: Proof, now: datetime) -> str:
    """The login of an identity that was never here: of an account that it may have, or of a new one."""
    login = checked_login(provider, proof)
    other = bound_there(session, proof.issuer, login)
    if other is not None:
        raise NotAllowed(
            say(
                "{title} says by another identifier (sub) than before who {login} is; an administrator checks that it is the same person, "
                "then `mailroom staff link {login} {name} SUB`",
                title=provider.title,
                login=login,
                name=provider.name,
            )
        )
    member = session.get(StaffMember, login)
    if member is None:
        create_account(session, provider, proof, login, now)
    elif member.is_break_glass:
        raise NotAllowed(no_provider(login))
    elif not provider.link_by_login or proof.issuer in member.unlinked_from:
        raise NotAllowed(
            say(
                "the name {login} belongs to an account that is not linked to {title}; an administrator links it: "
                "`mailroom staff link {login} {name} SUB`",
                login=login,
                title=provider.title,
                name=provider.name,
            )
        )
    bind_identity(session, provider, proof.sub, login, by=Actor.system("sign-in"), now=now)
    return login


def checked_login(provider: Provider, proof: Proof) -> str:
    """Returns the provider's claim as a login here. NotAllowed says that it is unusable."""
    try:
        return accounts.checked_login(proof.login)
    except BadInput as fault:
        raise NotAllowed(
            say(
                "{title} sends no usable {claim}: {fault}; an administrator has to choose another claim for logins",
                title=provider.title,
                claim=provider.login_claim,
                fault=fault,
            )
        ) from fault


def bound_there(session: Session, issuer: str, login: str) -> ExternalIdentity | None:
    """The identity at this provider that has the account."""
    theirs = select(ExternalIdentity).where(col(ExternalIdentity.issuer) == issuer, col(ExternalIdentity.login) == login)
    return session.scalars(theirs.limit(1)).first()


def create_account(session: Session, provider: Provider, proof: Proof, login: str, now: datetime) -> None:
    """A new account, as the groups say."""
    given = provider.given_to(proof.groups)
    if given is None:
        raise NotAllowed(no_group(provider, proof))
    if has_rights_already(session, login, now):
        raise NotAllowed(
            say(
                "the name {login} already has rights here from a substitution or a confidential folder; an administrator "
                "checks who you are, runs `mailroom staff add {login}`, then `mailroom staff link {login} {name} SUB`",
                login=login,
                name=provider.name,
            )
        )
    member = StaffMember(login=login, name=login, role=given.role, password_hash="", source=PROVIDER)
    session.add(member)
    assign_by_groups(session, member, given, proof)
    accounts.record_account_change(
        session, login, Actor.system("sign-in"), now, what="add", provider=provider.name, role=member.role, scope=member.scope
    )


def has_rights_already(session: Session, login: str, now: datetime) -> bool:
    """Whether rows of an earlier account give this login rights that a new account would inherit."""
    either = (col(Substitution.absent) == login) | (col(Substitution.substitute) == login)
    rows: tuple[Select[Any], ...] = (
        select(col(ConfidentialFolder.name)).where(col(ConfidentialFolder.login) == login),
        select(col(Substitution.id)).where(either, col(Substitution.ends_at) > now),
    )
    return any(session.execute(one.limit(1)).first() for one in rows)


def follow_groups(session: Session, member: StaffMember, provider: Provider, proof: Proof, now: datetime) -> None:
    """Let an account be what its groups say today: another role or scope, closed, or open again."""
    given, by = provider.given_to(proof.groups), Actor.system("sign-in")
    if given is None:
        if member.active:
            close_account(session, member, by=by, now=now, why="no group gives it a role any more")
        return
    before = (member.role, list(member.scope), list(member.rights), member.active)
    assign_by_groups(session, member, given, proof)
    if before != (member.role, list(member.scope), list(member.rights), member.active):
        what: dict[str, Any] = {"what": "groups", "role": member.role, "scope": member.scope, "rights": member.rights}
        accounts.record_account_change(session, member.login, by, now, **what)


def assign_by_groups(session: Session, member: StaffMember, given: Given, proof: Proof) -> None:
    """Gives an account the role, scope and rights of its groups; departments and people that are not known here give nothing."""
    scope = Scope.parse(given.scope)
    known = {word for word in scope.words() if is_known(session, word)}
    member.role, member.scope, member.rights, member.active = given.role, sorted(known), list(given.rights), True
    member.name = proof.name.strip()[:LONGEST_NAME] or member.name


def is_known(session: Session, word: str) -> bool:
    """Whether there is such a folder."""
    kind, _, name = word.partition(":")
    return kind == "company" or session.get(Department if kind == "department" else Person, name) is not None


def close_account(session: Session, member: StaffMember, *, by: Actor, now: datetime, why: str) -> None:
    """Close an account: its sessions end now, its tokens with the next upkeep."""
    member.active = False
    accounts.end_sessions(session, member.login)
    accounts.record_account_change(session, member.login, by, now, what="close", why=why)


def close_unused(session: Session, after: timedelta, *, now: datetime) -> int:
    """Close accounts that a provider made and whose people have not signed in for so long: they may have left there. How many."""
    lately = select(col(ExternalIdentity.login)).where(col(ExternalIdentity.seen_at) > now - after)
    unused = (col(StaffMember.source) == PROVIDER) & col(StaffMember.active) & col(StaffMember.login).not_in(lately)
    found = session.scalars(select(StaffMember).where(unused)).all()
    for one in found:
        close_account(session, one, by=Actor.system("upkeep"), now=now, why=f"no sign-in for {after.days} days")
    return len(found)


def link_identity(session: Session, login: str, provider: Provider, sub: str, *, by: Actor, now: datetime) -> None:
    """Bind an account to an identity at a provider, and to no other one there. NotFound when there is no such account."""
    member = accounts.get_account(session, accounts.checked_login(login))
    if member.is_break_glass:
        raise BadInput(no_provider(member.login), field="login")
    if not 0 < len(sub) <= LONGEST_SUB or not sub.isprintable():
        raise BadInput(say("1 to {count} printable characters, as the provider shows them", count=LONGEST_SUB), field="sub")
    taken = session.get(ExternalIdentity, (provider.issuer, sub))
    if taken and taken.login != member.login:
        raise BadInput(say("it is linked to {login}; `mailroom staff unlink {login}` first", login=taken.login), field="sub")
    unlink_identities(session, member.login, by=by, now=now, issuer=provider.issuer)
    member.unlinked_from = [one for one in member.unlinked_from if one != provider.issuer]
    bind_identity(session, provider, sub, member.login, by=by, now=now)


def unlink_identities(session: Session, login: str, *, by: Actor, now: datetime, issuer: str = "") -> int:
    """Forget the identities of an account, at one provider or at all; its sessions by a provider end, and its webmail links. How many.

    No login claim links the account again: only an administrator does.
    """
    theirs = (col(ExternalIdentity.login) == login) & ((col(ExternalIdentity.issuer) == issuer) if issuer else True)
    issuers = set(session.scalars(select(col(ExternalIdentity.issuer)).where(theirs)))
    if issuers and (member := session.get(StaffMember, login)):
        member.unlinked_from = sorted(issuers.union(member.unlinked_from))
    gone: Any = session.execute(delete(ExternalIdentity).where(theirs))
    if gone.rowcount:
        session.execute(delete(StaffSession).where(col(StaffSession.login) == login, col(StaffSession.provider) != ""))
        session.execute(delete(WebmailLink).where(col(WebmailLink.owner) == f"person:{login}"))
        accounts.record_account_change(session, login, by, now, what="unlink")
    return int(gone.rowcount)


def lock_account(session: Session, login: str, *, by: Actor, now: datetime) -> None:
    """Close an account that a provider's groups made, until an administrator unlocks it. BadInput for other accounts."""
    member = get_provider_account(session, login)
    if not member.is_locked:
        member.is_locked = True
        close_account(session, member, by=by, now=now, why="an administrator locked it")


def unlock_account(session: Session, login: str, *, by: Actor, now: datetime) -> None:
    """Let the next sign-in at the provider open a locked account again, if groups still give it a role. BadInput for other accounts."""
    member = get_provider_account(session, login)
    if member.is_locked:
        member.is_locked = False
        accounts.record_account_change(session, member.login, by, now, what="unlock")


def get_provider_account(session: Session, login: str) -> StaffMember:
    """An account that a provider's groups made. NotFound when there is none, BadInput when it comes from elsewhere."""
    member = accounts.get_account(session, accounts.checked_login(login))
    if member.source != PROVIDER:
        raise BadInput(say("{login} was not made by an identity provider: remove it here or in the directory instead", login=member.login))
    return member


def bind_identity(session: Session, provider: Provider, sub: str, login: str, *, by: Actor, now: datetime) -> None:
    """Links an identity to an account, in the audit log."""
    session.add(ExternalIdentity(issuer=provider.issuer, sub=sub, provider=provider.name, login=login, linked_at=now, seen_at=now))
    session.flush()
    accounts.record_account_change(session, login, by, now, what="link", provider=provider.name, sub=sub)


def end_provider_sessions(session: Session, provider: Provider, sub: str, sid: str, *, begun_before: datetime, now: datetime) -> int:
    """The provider has ended a session, or all of somebody's: those that it began here end too, in the audit log. How many.

    Where it names both the person and the session, both must match. A session that began after the token was issued goes on.
    """
    bound = session.get(ExternalIdentity, (provider.issuer, sub)) if sub else None
    if (sub and bound is None) or not (sub or sid):
        return 0
    mine = (col(StaffSession.provider) == provider.name) & (col(StaffSession.started_at) < begun_before)
    if sid:
        mine &= col(StaffSession.provider_sid) == sid
    if bound:
        mine &= col(StaffSession.login) == bound.login
    ended = session.scalars(select(StaffSession).where(mine)).all()
    for one in ended:
        session.delete(one)
        detail = {"provider": provider.name, "back_channel": True}
        ledger.write_act(session, "sign-out", f"staff:{one.login}", by=Actor.system("sign-in"), now=now, detail=detail)
    return len(ended)


def no_provider(login: str) -> str:
    """Says that a break-glass account cannot sign in at a provider."""
    return say("{login} is a break-glass account: only its printed code opens it; use another account", login=login)


def no_group(provider: Provider, proof: Proof) -> str:
    """Says why somebody has no account, and what to do."""
    if not proof.sends_groups:
        return say(
            "{title} sends no groups in {claim}, so your role here is unknown; an administrator has to let it send them, or choose "
            "another claim for groups",
            title=provider.title,
            claim=quote_text(provider.groups_claim),
        )
    return say("no group of yours gives you a role here; ask an administrator of {title} to add you to one that does", title=provider.title)
