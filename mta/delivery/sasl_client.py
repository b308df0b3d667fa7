"""Signs in at a next hop (RFC 4954): as whom, by PLAIN, LOGIN or XOAUTH2, and never in the clear."""

import base64
import re
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mta.delivery.smtp_transaction import Ended, describe_reply, shut_out, unreachable_outcome
from triage.config import oauth_tokens
from triage.config.oauth_tokens import NoToken
from triage.config.settings import Relay, Settings
from triage.delivery.routes import list_destinations
from triage.errors import BadInput
from triage.say import list_with_or, mark, say

FORM = "it has lines NEXT_HOP NAME:PASSWORD, the next hop as it is written in the settings"
ANOTHER_MECHANISM = frozenset({504, 534})  # it is offered, but not for this account, or it is too weak (RFC 4954, 6)
SIGNED_IN, GO_ON = 235, 334
HIDDEN = "(hidden)"
SIGN_IN_REFUSED = mark("it refuses our sign-in: {reply}")


@dataclass(frozen=True, slots=True)
class Login:
    """Sign-in at a next hop."""

    name: str
    secret: str = field(repr=False)  # the password, or an access token
    is_token: bool = False

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """SASL mechanisms of this sign-in, the best first. LOGIN is for Exchange."""
        return ("XOAUTH2",) if self.is_token else ("PLAIN", "LOGIN")


class Logins:
    """relay.logins_file, read again for each connection: a changed password needs no restart."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay

    def of(self, url: str) -> Login | None:
        """Sign-in at a next hop; None where there is none. BadInput says why it cannot be known."""
        found = self.known().get(url)
        if found is None:
            return None
        name, colon, password = found.partition(":")
        return Login(name, password) if colon else Login(name, self.token(name), is_token=True)

    def known(self) -> dict[str, str]:
        """NAME:PASSWORD, or NAME alone, by next hop; BadInput when the file cannot be used."""
        if not self.relay.logins_file:
            return {}
        try:
            return dict(map(parse_entry, read_entries(Path(self.relay.logins_file).read_text("utf-8"))))
        except (OSError, UnicodeDecodeError, ValueError) as fault:
            why = getattr(fault, "strerror", "") or fault
            raise BadInput(f"relay.logins_file {self.relay.logins_file} cannot be used: {why}; {FORM}") from fault

    def token(self, name: str) -> str:
        """The access token of an account that has no password in the file."""
        try:
            return oauth_tokens.current_token(self.relay.token_file, self.relay.token_command, name, self.relay.timeout)
        except NoToken as fault:
            raise BadInput(f"relay.{fault}; relay.logins_file has no password for {name}") from fault


def left_over(settings: Settings) -> list[str]:
    """Next hops that have a line in the file, and no messages: whoever wrote them otherwise than in the settings is not signed in there."""
    return sorted(Logins(settings.relay).known().keys() - {one.next_hop for one in list_destinations(settings)})


def read_entries(text: str) -> list[tuple[int, str]]:
    """The lines that say something, with their numbers."""
    lines = ((number, line.rstrip("\r")) for number, line in enumerate(text.split("\n"), 1))
    return [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]


def parse_entry(line: tuple[int, str]) -> tuple[str, str]:
    """The next hop of a line, and who we are there; ValueError, which shows nothing of it."""
    number, text = line
    url, login = (*text.split(None, 1), "")[:2]
    name, colon, password = login.partition(":")
    if not name or bool(colon) != bool(password) or "://" not in url:
        raise ValueError(f"line {number} is none")
    return url, login


def sign_in(connection: smtplib.SMTP, login: Login) -> None:
    """Sign in on a connection that was greeted. Ended when that did not come about: it is about no message, and mail waits."""
    if not isinstance(connection.sock, ssl.SSLSocket):
        raise shut_out(say("the connection is not encrypted, and passwords are not sent in the clear"))
    offered = connection.esmtp_features.get("auth", "").upper().split()
    possible = [one for one in login.mechanisms if one in offered]
    if not possible:
        ours = {"mechanisms": list_with_or(login.mechanisms)}
        if not offered:
            raise shut_out(say("it offers no AUTH, and we sign in with {mechanisms}", **ours))
        raise shut_out(say("it offers only {offered} for AUTH, and we sign in with {mechanisms}", offered=", ".join(offered), **ours))
    for mechanism in possible:
        answer = DIALOGUES[mechanism](connection, login)
        if answer[0] not in ANOTHER_MECHANISM:
            break
    if answer[0] != SIGNED_IN:
        raise describe_refusal(answer, login)


def describe_refusal(answer: tuple[int, bytes], login: Login) -> Ended:
    """Returns the outcome of a refused sign-in: temporary, or until somebody mends it."""
    reply = without_secrets(describe_reply(answer), login)
    if answer[0] // 100 == 4:
        return unreachable_outcome(say("we cannot sign in there for now: {reply}", reply=reply))
    return shut_out(say(SIGN_IN_REFUSED, reply=reply))


def authenticate_plain(connection: smtplib.SMTP, login: Login) -> tuple[int, bytes]:
    """Name and password together (RFC 4616)."""
    return at_once(connection, "PLAIN", encode_plain(login))


def encode_plain(login: Login) -> str:
    """Initial response of PLAIN, to be encoded."""
    return f"\0{login.name}\0{login.secret}"


def at_once(connection: smtplib.SMTP, mechanism: str, words: str) -> tuple[int, bytes]:
    """Sends AUTH with the whole answer, and the answer once more to a server that asks for it."""
    answer = connection.docmd("AUTH", f"{mechanism} {encode_base64(words)}")
    return connection.docmd(encode_base64(words)) if answer[0] == GO_ON and not answer[1].strip() else answer


def login_dialogue(connection: smtplib.SMTP, login: Login) -> tuple[int, bytes]:
    """Name and password, each when it is asked for; never registered, but what older Exchange offers alone."""
    answer = connection.docmd("AUTH", "LOGIN")
    for words in (login.name, login.secret):
        if answer[0] == GO_ON:
            answer = connection.docmd(encode_base64(words))
    return answer


def authenticate_xoauth2(connection: smtplib.SMTP, login: Login) -> tuple[int, bytes]:
    """As Microsoft and Google describe it: a server that says no says why first, and waits for an empty line."""
    answer = at_once(connection, "XOAUTH2", encode_xoauth2(login))
    return connection.docmd("") if answer[0] == GO_ON else answer


def encode_xoauth2(login: Login) -> str:
    """Initial response of XOAUTH2, to be encoded."""
    return f"user={login.name}\1auth=Bearer {login.secret}\1\1"


DIALOGUES: dict[str, Callable[[smtplib.SMTP, Login], tuple[int, bytes]]] = {
    "PLAIN": authenticate_plain,
    "LOGIN": login_dialogue,
    "XOAUTH2": authenticate_xoauth2,
}


def encode_base64(words: str) -> str:
    """Base64, in one line."""
    return base64.b64encode(words.encode()).decode()


def without_secrets(reply: str, login: Login) -> str:
    """A reply as it may be kept and shown: some servers repeat what they did not understand."""
    words = (login.secret, encode_base64(login.secret), encode_base64(encode_plain(login)), encode_base64(encode_xoauth2(login)))
    return re.sub("|".join(map(re.escape, words)), HIDDEN, reply, flags=re.IGNORECASE)
