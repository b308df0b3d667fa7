"""The client's network address, and whether a proxy that is not trusted hides it."""

from starlette.requests import HTTPConnection

from triage.config.settings import Api
from triage_api.http.sign_in_log import place_of


def is_hidden(connection: HTTPConnection, api: Api) -> bool:
    """Whether a proxy whose X-Forwarded-For is not trusted stands in front (api.public_url, api.proxies)."""
    told = ",".join(connection.headers.getlist("x-forwarded-for"))
    last = told.rpartition(",")[2].strip()
    unknown = "forwarded" in connection.headers and not told
    return unknown or (bool(told) and (not api.public_url or last != place_of(connection)))
