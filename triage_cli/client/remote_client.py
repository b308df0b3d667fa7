"""A server elsewhere answers: over HTTPS, with a token, asked again where that is safe; a server that is away is `try again later`."""

import ssl
import uuid
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, SSLError

from triage.errors import BadInput, Refused
from triage_cli.client.api_client import Answer, Declined, Desk, Take, document_of
from triage_cli.client.exit_codes import LATER, REFUSED
from triage_cli.output.tables import warn

OURS = version("mailroom")
THEIRS = "Mailroom-Version"
NOTHING_HERE = "There is nothing at this address."
PATIENCE = urllib3.Timeout(connect=10, read=120)  # a large decision is counted before it is answered
AGAIN = urllib3.Retry(
    total=4,
    redirect=0,
    other=0,
    allowed_methods={"GET", "POST", "PUT", "PATCH"},  # each POST has a key, so that it is done once; a second DELETE would find nothing
    status_forcelist={429, 502, 503, 504},
    backoff_factor=0.5,
    backoff_jitter=0.5,
    retry_after_max=30,
    raise_on_redirect=False,
    raise_on_status=False,
)
PIECE = 64 * 1024
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
WHAT_TO_DO = {
    401: "Give a valid one with --token-file or $MAILROOM_TOKEN: `mailroom token create` makes one on the server's machine",
    403: "What a token may do, and where, is said when it is made: `mailroom token create` on the server's machine",
}


class NoAnswer(Refused):
    """The server did not answer, or nobody could tell that it was the right one."""

    def __init__(self, words: str, code: int) -> None:
        super().__init__(words)
        self.code = code


class Remote(Desk):
    """Asks a server."""

    def __init__(self, url: str, token: str, ca_file: str = "", *, plain: bool = False) -> None:
        """BadInput when the address, the token or the file of authorities is of no use. `plain`: also in the clear."""
        self.url = checked_url(url, plain=plain)
        self.headers = {"Authorization": f"Bearer {checked_token(token)}", "User-Agent": f"mailroom/{OURS}"}
        needs_authorities = ca_file or urlsplit(self.url).scheme == "https"  # reading them takes 10 ms
        self.pool = pool_for(self.url, load_authorities(ca_file) if needs_authorities else None)

    def send(self, method: str, target: str, body: bytes, take: Take | None) -> Answer:
        headers = self.headers | ({"Content-Type": "application/json"} if body else {})
        if method == "POST":
            headers["Idempotency-Key"] = uuid.uuid4().hex
        try:
            response = self.pool.request(
                method, self.url + target, body=body or None, headers=headers, retries=AGAIN, preload_content=False
            )
            theirs = response.headers.get(THEIRS, "")
            compare_versions(self.url, theirs)
            if response.status < 300 and not theirs:
                raise self.stranger(response.status)
            if take and response.status < 300:
                for piece in response.stream(PIECE):
                    take(piece)
            return Answer(response.status, response.read())
        except HTTPError as fault:
            raise self.silence(method, fault) from fault

    def declined(self, answer: Answer) -> Declined:
        problem = document_of(answer.body)
        if not problem:
            return self.stranger(answer.status)
        if answer.status == 404 and problem.get("detail") == NOTHING_HERE:
            return Declined(404, {"detail": f"{self.url} knows no such request: is it Mailroom, and of this version ({OURS})?"})
        more = WHAT_TO_DO.get(answer.status, "")
        return Declined(answer.status, problem, f"{end_of_refusal(problem)} {more}" if more else "")

    def stranger(self, status: int) -> Declined:
        """Error for an answer that no Mailroom gives: from a proxy, a portal or another program."""
        return Declined(status, {"detail": f"{self.url} answers {status} as Mailroom never does: is it the right address?"})

    def silence(self, method: str, fault: HTTPError) -> NoAnswer:
        """Returns the error for a server that does not answer, with what to do."""
        reason = fault.reason if isinstance(fault, MaxRetryError) and fault.reason else fault
        if isinstance(reason, SSLError):
            return NoAnswer(
                f"{self.url} cannot prove who it is ({describe_fault(reason)}); name the authority that vouches for it with --ca-file",
                REFUSED,
            )
        look = (
            ""
            if method == "GET" or isinstance(reason, NewConnectionError)
            else "; it may have done the command: check before you repeat it"
        )
        return NoAnswer(f"{self.url} does not answer ({describe_fault(reason)}): try again later{look}", LATER)

    def close(self) -> None:
        self.pool.clear()


def describe_fault(fault: BaseException) -> str:
    """A fault in a few words."""
    return str(fault).rpartition(": ")[2].strip("()'\" ") or type(fault).__name__


def end_of_refusal(problem: Mapping[str, object]) -> str:
    """Returns the full stop that a refusal's sentence lacks before the advice, "" where it ends with a mark."""
    return "" if str(problem.get("detail", "")).endswith((".", "!", "?")) else "."


def checked_url(url: str, *, plain: bool) -> str:
    """A server's address. What goes in the clear goes nowhere but to this machine, unless that is said."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise BadInput(f'--server: "{url}" is no address such as https://mailroom.company.example')
    if parts.scheme == "http" and not plain and parts.hostname not in LOOPBACK:
        raise BadInput(f"--server: {url} is not encrypted: the token could be read on its way. Use https://, or say --plain")
    return url.rstrip("/")


def checked_token(token: str) -> str:
    """A token that can stand in a header field."""
    if not token:
        raise BadInput("a server asks for a token: name its file with --token-file, or set $MAILROOM_TOKEN")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise BadInput("that is no token: `mailroom token create` prints one, a line that begins with mailroom_")
    return token


def load_authorities(ca_file: str) -> ssl.SSLContext:
    """The authorities that vouch for the server: those of the file, or else of this machine."""
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as fault:
        raise BadInput(f"--ca-file: {ca_file} cannot be used: {fault.strerror or fault}") from fault


def pool_for(url: str, context: ssl.SSLContext | None) -> urllib3.PoolManager:
    """Connections to a server, through the proxy that the environment names for it."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if proxy and parts.hostname not in LOOPBACK and not proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy, timeout=PATIENCE, retries=AGAIN, ssl_context=context)
    return urllib3.PoolManager(timeout=PATIENCE, retries=AGAIN, ssl_context=context)


@cache
def compare_versions(url: str, theirs: str) -> None:
    """Say it once when the server is of another version."""
    if theirs and version_series(theirs) != version_series(OURS):
        warn(f"{url} runs Mailroom {theirs}, this command is {OURS}: what only one of them knows may be refused")


def version_series(number: str) -> list[str]:
    """Returns the first two parts of a version number, which decide what a version can do."""
    return number.split(".")[:2]
