"""Sign-in header of a proxy: accepted from the addresses in `api.sign_in_proxies`, dropped from everybody else."""

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from triage.access import accounts
from triage.access.accounts import PROXY
from triage.addressing.networks import is_within, parse_networks
from triage.config.settings import Api
from triage.errors import BadInput, NotAllowed
from triage.say import say

KEY = "mailroom.named"  # in the scope of a request by such a proxy: the values of the header; no HTTP server puts it there


class TrustedHeader:
    """Takes the header out of every request, before anything replaces the address that it really came from."""

    def __init__(self, app: ASGIApp, api: Api) -> None:
        self.app = app
        self.is_on = PROXY in api.sign_in
        self.name = api.sign_in_header.lower().encode()
        self.proxies = parse_networks("api.sign_in_proxies", api.sign_in_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.is_on and scope["type"] == "http":
            named = tuple(value.decode("latin-1").strip() for name, value in scope["headers"] if name == self.name)
            scope["headers"] = [one for one in scope["headers"] if one[0] != self.name]
            if is_within((scope.get("client") or ("",))[0], self.proxies):
                scope[KEY] = named
        await self.app(scope, receive, send)


def read_named_login(connection: HTTPConnection, api: Api) -> str:
    """The login that the proxy names. NotAllowed when nobody believes this request, or it names nobody or several."""
    if PROXY not in api.sign_in:
        raise NotAllowed(say("nobody signs in here through a proxy; choose another way on the sign-in page"))
    named: tuple[str, ...] | None = connection.scope.get(KEY)
    if named is None:
        raise NotAllowed(say("this request bypassed the proxy: open the console at the address of the proxy"))
    if not any(named):
        raise NotAllowed(
            say("the proxy names nobody in {header}: sign in there, or ask an administrator to let it send that", header=api.sign_in_header)
        )
    if len(named) > 1:
        raise NotAllowed(
            say(
                "{header} came more than once: an administrator lets the proxy remove what browsers send, and set it once",
                header=api.sign_in_header,
            )
        )
    try:
        return accounts.checked_login(named[0])
    except BadInput as fault:
        raise NotAllowed(say("the proxy names nobody who could be here: {fault}", fault=fault)) from fault


def find_named_login(connection: HTTPConnection, api: Api) -> str:
    """The login that the proxy names; "" where none is to be believed."""
    try:
        return read_named_login(connection, api)
    except NotAllowed:
        return ""
