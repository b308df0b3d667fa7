"""Passkeys (WebAuthn): made for the console's name, and asked for to sign in or as a second factor."""

import hashlib
import ipaddress
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import webauthn
from sqlalchemy import delete, select
from sqlmodel import Session, col
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, options_to_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from triage.access import accounts, staff_login
from triage.access.staff_login import How
from triage.actor import Actor
from triage.errors import BadInput
from triage.say import error_sentence, mark, say
from triage.store.models.sign_in import Passkey
from triage.store.models.staff import StaffMember

LONGEST_NAME = 60
MOST = 20  # of one account
NAMELESS = mark(
    "passkeys need a host name: open the console by its name, not by an IP address (on the server itself: http://localhost with its port)"
)
UNREADABLE = (WebAuthnException, ValueError, KeyError, TypeError, AttributeError)  # what a made-up answer of a browser raises


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Site for which passkeys are valid."""

    name: str
    origin: str


def relying_party_of(origin: str) -> RelyingParty:
    """The relying party of a console at this origin. BadInput where it has no name."""
    host = urlsplit(origin).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return RelyingParty(host, origin)
    raise BadInput(say(NAMELESS))


def why_none(origin: str) -> str | None:
    """Returns the reason why no passkey can be made for a console at this origin; None where one can."""
    try:
        relying_party_of(origin)
    except BadInput as fault:
        return error_sentence(fault)
    return None


def open_session(session: Session, login: str, client: str, *, lasts: timedelta, now: datetime) -> tuple[Actor, str] | None:
    """Sign in the holder of a passkey, without a password. None when the account is closed, or its identity provider decides about it."""
    member = session.get(StaffMember, login)
    if member is None or member.source == accounts.PROVIDER:  # its groups and its end are known at the provider only
        return None
    return staff_login.start_session(session, login, client, How("passkey", has_factor=True), lasts=lasts, now=now)


def list_passkeys(session: Session, login: str) -> list[Passkey]:
    """The passkeys of an account, the oldest first."""
    return list(session.scalars(select(Passkey).where(col(Passkey.login) == login).order_by(col(Passkey.made_at))))


def offer_passkey(session: Session, party: RelyingParty, member: StaffMember) -> tuple[str, dict[str, Any]]:
    """Returns what a browser needs to make a passkey: the challenge to keep, and its options. BadInput when the account has too many."""
    known = list_passkeys(session, member.login)
    if len(known) >= MOST:
        raise BadInput(say("an account has at most {count} passkeys: remove one first", count=MOST))
    options = webauthn.generate_registration_options(
        rp_id=party.name,
        rp_name="Mailroom",
        user_id=hashlib.sha256(member.login.encode()).digest(),
        user_name=member.login,
        user_display_name=member.name,
        exclude_credentials=[descriptor_of(one) for one in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return bytes_to_base64url(options.challenge), json.loads(options_to_json(options))


def store_passkey(
    session: Session, party: RelyingParty, challenge: str, login: str, credential: dict[str, Any], name: str, *, by: Actor, now: datetime
) -> Passkey:
    """Keep a passkey that a browser has made. BadInput when it does not answer the challenge, or is kept already."""
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.name,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except UNREADABLE as fault:
        raise BadInput(say("this passkey was not made for this console; try again")) from fault
    credential_id = bytes_to_base64url(made.credential_id)
    if session.get(Passkey, credential_id) is not None:
        raise BadInput(say("this passkey is known already"))
    kept = Passkey(
        credential_id=credential_id,
        login=login,
        public_key=bytes_to_base64url(made.credential_public_key),
        sign_count=made.sign_count,
        name=" ".join(name.split())[:LONGEST_NAME] or "passkey",
        made_at=now,
    )
    session.add(kept)
    session.flush()
    accounts.record_factor_change(session, login, by, now, what="second-factor", factor="passkey", name=kept.name)
    return kept


def ask_for_passkey(session: Session, party: RelyingParty, login: str = "") -> tuple[str, dict[str, Any]]:
    """Returns what a browser needs to use a passkey: the challenge to keep, and its options. Without a login the person chooses one."""
    options = webauthn.generate_authentication_options(
        rp_id=party.name,
        allow_credentials=[descriptor_of(one) for one in list_passkeys(session, login)] if login else None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return bytes_to_base64url(options.challenge), json.loads(options_to_json(options))


def accept_passkey(session: Session, party: RelyingParty, challenge: str, credential: dict[str, Any], *, now: datetime) -> str:
    """The login whose passkey has answered this challenge; "" when it proves nothing."""
    kept = session.get(Passkey, str(credential.get("id", "")), with_for_update=True)
    if kept is None or not challenge:
        return ""
    try:
        answer = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.name,
            expected_origin=party.origin,
            credential_public_key=base64url_to_bytes(kept.public_key),
            credential_current_sign_count=kept.sign_count,
            require_user_verification=True,
        )
    except UNREADABLE:
        return ""
    kept.sign_count, kept.used_at = answer.new_sign_count, now
    return kept.login


def remove_passkey(session: Session, login: str, credential_id: str, *, by: Actor, now: datetime) -> None:
    """Remove a passkey of an account, in the audit log."""
    kept = session.get(Passkey, credential_id)
    if kept is None or kept.login != login:
        return
    session.execute(delete(Passkey).where(col(Passkey.credential_id) == credential_id))
    accounts.record_factor_change(session, login, by, now, what="second-factor-removed", factor="passkey", name=kept.name)


def descriptor_of(kept: Passkey) -> PublicKeyCredentialDescriptor:
    """A passkey as browsers are told of it."""
    return PublicKeyCredentialDescriptor(id=base64url_to_bytes(kept.credential_id))
