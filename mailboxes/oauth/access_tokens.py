"""Access tokens of this process, kept until shortly before they end. A provider that is too busy is not asked before its time."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from mailboxes.mailbox import Affected, Busy, NoToken, Unreachable
from mailboxes.oauth.token_refusals import explain_refusal
from mailboxes.oauth.token_requests import make_request, token_owner
from triage.config.settings import Recall
from triage.errors import Unanswered, Untrusted
from triage.runtime.bounded_http import Answer, Http
from triage.say import say

EARLY = 300.0  # seconds before its end that a token is not used any more; of one that is short, half its time
USUAL, LONGEST = 3600.0, 86_400.0  # seconds that a token is good for: where nobody says so, and at most
LONGEST_TOKEN = 16 * 1024  # characters
MOST = 1000  # tokens that are kept
ANEW = 60.0  # seconds until a refusal is asked about again, and until a token that a server refuses is replaced
PATIENCE = 30.0  # seconds to wait where a provider that is too busy names no time
LATER = frozenset({"temporarily_unavailable", "server_error", "rate_limit_exceeded", "internal_failure", "slow_down"})
FORM = {"content-type": "application/x-www-form-urlencoded"}

log = logging.getLogger(__name__)

Source = tuple[str, ...]  # the settings that a token comes from


@dataclass
class Entry:
    """Access token of one owner. The holder of the lock may ask for a new one."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    token: str = ""
    got: float = 0.0
    ends: float = 0.0  # then another one is asked for; all times are of the clock


@dataclass(frozen=True, slots=True)
class Refusal:
    """Reason why there is no token, and until when nobody asks again."""

    fault: Busy | NoToken
    until: float


class AccessTokens:
    """Access tokens of all mailboxes. Any thread may ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.entries: OrderedDict[Source, Entry] = OrderedDict()
        self.refusals: dict[Source, Refusal] = {}
        self.lock = threading.Lock()

    def get(self, settings: Recall, mailbox: str) -> str:
        """A token that opens this mailbox. Busy, NoToken or Unreachable says why there is none."""
        source, owner = source_of(settings), token_owner(settings, mailbox)
        entry = self.entry((*source, owner))
        with entry.lock:
            if self.clock() < entry.ends:
                return entry.token
            self.check_refusals(source, owner)
            try:
                token, seconds = fetch_token(settings, mailbox)
            except (Busy, NoToken) as fault:
                self.note_refusal(source, owner, fault)
                raise
            entry.token, entry.got = token, self.clock()
            entry.ends = entry.got + max(seconds - EARLY, seconds / 2)
            return token

    def entry(self, key: Source) -> Entry:
        """The place of one token; the one that was not used for longest makes room."""
        with self.lock:
            entry = self.entries.setdefault(key, Entry())
            self.entries.move_to_end(key)
            while len(self.entries) > MOST:
                self.entries.popitem(last=False)
            return entry

    def check_refusals(self, source: Source, owner: str) -> None:
        """Raise again what was said, while its time is not over."""
        for key in (affected_by(source, owner, one) for one in Affected):
            with self.lock:
                refusal = self.refusals.get(key)
                left = refusal.until - self.clock() if refusal else 0.0
                if refusal and left <= 0:
                    del self.refusals[key]
            if refusal and left > 0:
                raise refusal.fault.repeated(left)

    def note_refusal(self, source: Source, owner: str, fault: Busy | NoToken) -> None:
        """Notes a refusal: nobody asks again for a while, for any mailbox, for those of a domain, or for this one."""
        affected = Affected.ALL if isinstance(fault, Busy) else fault.affected
        pause = fault.pause or ANEW
        log.warning("no access token for mailboxes: %s", fault)
        with self.lock:
            while len(self.refusals) >= MOST:
                del self.refusals[next(iter(self.refusals))]
            self.refusals[affected_by(source, owner, affected)] = Refusal(fault, self.clock() + pause)

    def forget(self, settings: Recall, mailbox: str) -> None:
        """A mail server refused the token: ask for another one, unless it is so new that another one would be refused too."""
        entry = self.entry((*source_of(settings), token_owner(settings, mailbox)))
        with entry.lock:
            if self.clock() - entry.got >= ANEW:
                entry.ends = 0.0


TOKENS = AccessTokens()


def source_of(settings: Recall) -> Source:
    """Returns the key of the source that issues the tokens of these settings."""
    return (settings.auth, settings.token_url, settings.tenant, settings.client_id, settings.service_account_file)


def affected_by(source: Source, owner: str, affected: Affected) -> Source:
    """The key of a refusal for all mailboxes of a source, for those of the owner's domain, or for the owner's."""
    keys: dict[Affected, Source] = {
        Affected.ALL: (),
        Affected.DOMAIN: ("domain", owner.rpartition("@")[2]),
        Affected.OWNER: ("owner", owner),
    }
    return (*source, *keys[affected])


def fetch_token(settings: Recall, mailbox: str) -> tuple[str, float]:
    """Ask for a token: it, and the seconds that it is good for. Busy, NoToken or Unreachable says why there is none."""
    request = make_request(settings, mailbox)
    try:
        answer = Http(settings.timeout, request.url, settings.ca_file).request("POST", request.url, FORM, urlencode(request.form))
    except Unanswered as fault:
        raise Busy(say("the provider gives no token for now: {why}", why=str(fault)), PATIENCE) from fault  # each try takes the timeout
    except Untrusted as fault:
        raise Unreachable(say("{url} gives no token: {why}", url=request.url, why=str(fault))) from fault
    return read_answer(settings.auth, request.url, answer)


def read_answer(auth: str, url: str, answer: Answer) -> tuple[str, float]:
    """The token of an answer (RFC 6749, 5.1) and its seconds, or why there is none."""
    if answer.status == 429 or answer.status >= 500 or answer.values.get("error") in LATER:
        raise Busy(say("{url} gives no token for now ({status})", url=url, status=answer.status), answer.retry_after or PATIENCE)
    if answer.status != 200:
        raise explain_refusal(auth, answer.values)
    token = answer.values.get("access_token")
    if not isinstance(token, str) or not 0 < len(token) <= LONGEST_TOKEN or not token.isascii() or not token.isprintable():
        raise Unreachable(say("{url} answers without a usable token", url=url))
    return token, seconds_of(answer.values.get("expires_in"))


def seconds_of(said: object) -> float:
    """Returns the lifetime of a token, in seconds."""
    try:
        seconds = float(said) if isinstance(said, int | float | str) else USUAL
    except (ValueError, OverflowError):
        return USUAL
    return min(max(seconds, 0.0), LONGEST) if seconds == seconds else USUAL
