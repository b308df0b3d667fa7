"""API client of the commands: this machine's API or a remote server. Both answer as the HTTP API, so each command is written once."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cached_property
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

from triage.errors import Refused
from triage_cli.client.exit_codes import LATER, REFUSED, USAGE
from triage_cli.output.tables import warn
from triage_cli.output.timestamps import format_instant

API = "/api/v1"
PAGE = 200  # items that are asked for at once
EXIT = {422: USAGE, 429: LATER, 502: LATER, 503: LATER, 504: LATER}
Query = Mapping[str, Any]
Take = Callable[[bytes], object]


class Answer(NamedTuple):
    """Answer of the API to one request. `body` is empty when it was taken piece by piece."""

    status: int
    body: bytes


class Declined(Refused):
    """The office said no: its sentence, and `problem`, the whole document (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any], more: str = "") -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"the answer was {status}") + more)
        self.status, self.problem = status, problem

    @property
    def code(self) -> int:
        """The exit code that it means."""
        return EXIT.get(self.status, REFUSED)


class Desk(ABC):
    """Asks the API. Paths are relative to /api/v1; parameters that are None, empty or False are left out."""

    @abstractmethod
    def send(self, method: str, target: str, body: bytes, take: Take | None) -> Answer:
        """Sends a request and returns its answer. `take` gets the body of a good answer piece by piece."""

    def declined(self, answer: Answer) -> Declined:
        """A refusal as an exception."""
        return Declined(answer.status, document_of(answer.body))

    def ask(self, method: str, path: str, order: Any = None, *, take: Take | None = None, **query: Any) -> Any:
        """The JSON of the answer, None when it has none; Declined when it is a refusal."""
        words = urlencode(plain_query(query), doseq=True)
        body = b"" if order is None else json.dumps(order, default=write_value).encode()
        answer = self.send(method, f"{API}{path}{'?' if words else ''}{words}", body, take)
        if answer.status >= 300:
            raise self.declined(answer)
        try:
            found = json.loads(answer.body) if answer.body else None
        except ValueError as fault:  # a server that is no Mailroom
            raise self.declined(answer) from fault
        if method != "GET" and found is not None:
            self.changes.append(found)
        return found

    @cached_property
    def changes(self) -> list[Any]:
        """The answers to every request that was more than a look, in order."""
        return []

    def get(self, path: str, **query: Any) -> Any:
        """Look at something."""
        return self.ask("GET", path, **query)

    def post(self, path: str, order: Any = None) -> Any:
        """Do something."""
        return self.ask("POST", path, order)

    def download(self, path: str, take: Take, **query: Any) -> None:
        """Downloads a large answer piece by piece."""
        self.ask("GET", path, take=take, **query)

    def items(self, path: str, limit: int | None = None, **query: Any) -> Iterator[dict[str, Any]]:
        """The items of a list, page after page, at most `limit` of them. Standard error says how far back a search has looked."""
        cursor: str | None = None
        while limit is None or limit > 0:
            page = self.get(path, limit=PAGE if limit is None else min(limit, PAGE), cursor=cursor, **query)
            yield from page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return
            if looked_back_to := page.get("looked_back_to"):
                warn(f"looked back to {format_instant(looked_back_to, 'minutes')}; looking further")
            limit = None if limit is None else limit - len(page["items"])

    @abstractmethod
    def close(self) -> None:
        """Closes the connection, if any."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _fault: BaseException | None, _trace: TracebackType | None) -> None:
        self.close()


def plain_query(query: Query) -> dict[str, Any]:
    """Parameters as they are written in a URL."""
    return {name: write_value(value) for name, value in query.items() if value not in (None, "", False, (), [])}


def write_value(value: Any) -> Any:
    """Instants as ISO 8601, true as true, the rest as it is."""
    if isinstance(value, date):
        return value.isoformat()
    return "true" if value is True else value


def document_of(body: bytes) -> dict[str, Any]:
    """A problem document; empty when it is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
