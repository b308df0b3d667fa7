"""Refusals as problem documents (RFC 9457): the one place that knows which refusal is which status."""

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from starlette.exceptions import HTTPException

from triage.access.staff_login import TooManyFailures
from triage.errors import (
    ApprovalNeeded,
    BadInput,
    Conflict,
    Erased,
    FactorNeeded,
    FaultyLines,
    NotAllowed,
    NotAllowedNow,
    NotFound,
    NothingDone,
    NotYet,
    ReasonNeeded,
    Refused,
    SecondLookNeeded,
    Stale,
    Unanswered,
    Unreadable,
)
from triage.say import error_sentence, mark, say
from triage.store import db
from triage.store.transaction_retry import first_line
from triage_api.http.rate_limit import TooFast
from triage_api.http.transaction_retry import Crowded
from triage_api.schemas.items import Item
from triage_api.schemas.language import Sentence, say_in_language
from triage_api.schemas.second_looks import RuleToConfirm, SecondLook

STATUS: dict[type[Refused], int] = {
    BadInput: 422,
    NotFound: 404,
    NotAllowed: 403,
    FactorNeeded: 403,
    ReasonNeeded: 428,  # RFC 6585, 3
    NotAllowedNow: 409,
    Conflict: 409,
    ApprovalNeeded: 409,
    SecondLookNeeded: 409,
    Stale: 412,
    NotYet: 503,
    Erased: 410,
    TooManyFailures: 429,
    TooFast: 429,
    Unanswered: 503,
    Unreadable: 500,
    Crowded: 503,
}
NAMED_FIELD = re.compile(r"([a-z_]+): ")  # where the settings are read: they name the part that is wrong so
MEDIA_TYPE = "application/problem+json"
# problem types that clients tell from others
REASON_NEEDED, SECOND_LOOK, FACTOR_NEEDED = "urn:mailroom:reason-needed", "urn:mailroom:second-look", "urn:mailroom:second-factor-needed"

log = logging.getLogger(__name__)


class FaultyLine(BaseModel):
    """A line of a file that is wrong."""

    line: int
    reason: Sentence


class Problem(BaseModel):
    """A problem document (RFC 9457). `detail` is a sentence for a person."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str | None = None
    items: list[Item] | None = None
    lines: list[FaultyLine] | None = None
    names: list[str] | None = None  # second-look: what `confirm` has to be, with `fence`
    second_look: list[SecondLook] | None = None
    rules: list[RuleToConfirm] | None = None  # second-look: the allow rules that would release these messages
    fence: str | None = None


class NotSignedIn(Exception):
    """The request carries no session that is still good."""


def problem_response(status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:
    """A problem document as a response. `detail` is a sentence that a person may read; never the text of a fault."""
    document = Problem(title=HTTPStatus(status).phrase, status=status, detail=say_in_language(detail), **more)
    return JSONResponse(document.model_dump(mode="json", exclude_none=True), status, dict(headers or {}), MEDIA_TYPE)


def frame_refusal(request: Request, status: int, text: str) -> Response:
    """The refusal as a document. No command asks for one, so that what makes documents is imported here."""
    from triage_api.http import preview_frame

    return preview_frame.frame_refusal(request, status, text)


def answer_refusal(request: Request, refusal: Exception) -> Response:
    """The house said no."""
    status = next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)
    text = error_sentence(refusal)
    if request.headers.get("sec-fetch-dest") == "iframe":  # Fetch Metadata: of a problem document it would show that it is broken
        return frame_refusal(request, status, text)
    more: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if isinstance(refusal, BadInput) and (field := refusal.field or field_in(text)):
        more["field"] = field
    if isinstance(refusal, ReasonNeeded):
        more["type"] = REASON_NEEDED
    if isinstance(refusal, FactorNeeded):
        more["type"] = FACTOR_NEEDED
    if isinstance(refusal, SecondLookNeeded):
        asked = [SecondLook.model_validate(one) for one in refusal.asked]
        more |= {"type": SECOND_LOOK, "names": list(refusal.names), "second_look": asked, "fence": refusal.fence}
    if isinstance(refusal, SecondLookNeeded) and refusal.rules:
        more["rules"] = [RuleToConfirm.model_validate(one) for one in refusal.rules]
    if isinstance(refusal, FaultyLines):
        more["lines"] = [FaultyLine(line=one.line, reason=one.reason) for one in refusal.faults]
    if isinstance(refusal, NothingDone):
        more["items"] = [Item.model_validate(item) for item in refusal.items]
    if isinstance(refusal, TooManyFailures | TooFast | Crowded):
        headers["Retry-After"] = str(max(1, round(refusal.wait.total_seconds())))
    return problem_response(status, text, headers=headers, **more)


def field_in(text: str) -> str:
    """The part of a request that a plain text names, "" where it names none."""
    named = NAMED_FIELD.match(text)
    return named[1] if named else ""


def answer_invalid(_request: Request, fault: Exception) -> JSONResponse:
    """The request is not shaped as the API says; the first fault is named."""
    assert isinstance(fault, RequestValidationError)
    first = fault.errors()[0]
    place = [str(part) for part in first["loc"][1:]]
    field = ".".join(place) or str(first["loc"][0])
    return problem_response(422, say("{field}: {fault}", field=field, fault=fault_shown(first)), field=field)


SHAPES = {
    "missing": mark("is required"),
    "string_too_long": mark("at most {max_length} characters"),
    "string_too_short": mark("at least {min_length} characters"),
    "string_pattern_mismatch": mark("has to match {pattern}"),
    "too_long": mark("at most {max_length} entries, not {actual_length}"),
    "too_short": mark("at least {min_length} entries, not {actual_length}"),
    "literal_error": mark("expects {expected}"),
    "enum": mark("expects {expected}"),
    "string_type": mark("expects text"),
    "string_unicode": mark("expects text"),
    "int_type": mark("expects a whole number"),
    "int_parsing": mark("expects a whole number"),
    "bool_type": mark("expects true or false"),
    "bool_parsing": mark("expects true or false"),
    "timezone_aware": mark("expects a time zone"),
    "datetime_parsing": mark("expects a time, such as 2026-11-24T09:30:00+01:00"),
    "datetime_from_date_parsing": mark("expects a time, such as 2026-11-24T09:30:00+01:00"),
    "greater_than_equal": mark("at least {ge}"),
    "less_than_equal": mark("at most {le}"),
    "extra_forbidden": mark("is not known here"),
    "json_invalid": mark("is not JSON"),
    "model_attributes_type": mark("expects a JSON object"),
    "model_type": mark("expects a JSON object"),
    "dict_type": mark("expects a JSON object"),
    "list_type": mark("expects a list"),
}  # what pydantic finds, in our words


def fault_shown(fault: Mapping[str, Any]) -> str:
    """Returns a person's sentence about a malformed request."""
    about = fault.get("ctx", {})
    if isinstance(about.get("error"), Exception):
        return error_sentence(about["error"])
    return say(SHAPES[fault["type"]], **about) if fault["type"] in SHAPES else str(fault["msg"])


UNKNOWN = {404: say("There is nothing at this address."), 405: say("This path does not accept this method.")}


def http_fault(_request: Request, fault: Exception) -> JSONResponse:
    """No such route, the wrong method, too large a body."""
    assert isinstance(fault, HTTPException)
    phrase = HTTPStatus(fault.status_code).phrase
    detail = (
        say("There is nothing at this address.")
        if fault.status_code == 404
        else UNKNOWN.get(fault.status_code, f"{phrase}.")
        if fault.detail == phrase
        else fault.detail
    )
    return problem_response(fault.status_code, detail, headers=fault.headers)


def not_signed_in(_request: Request, fault: Exception) -> JSONResponse:
    """Builds the 401 problem for a caller who is not signed in."""
    return problem_response(401, error_sentence(fault) or say("Sign in first."), headers={"WWW-Authenticate": "Bearer"})


def at_the_same_moment(_request: Request, _fault: Exception) -> JSONResponse:
    """Two requests made the same new thing at once; the database kept one."""
    return problem_response(409, say("Somebody else did the same at the same moment: reload, then check."))


def no_database(_request: Request, fault: Exception) -> JSONResponse:
    """The database does not answer. Lock conflicts are answered further out (giving_way)."""
    if not isinstance(fault, DBAPIError) or not db.does_not_answer(fault):
        raise fault
    log.warning("the database does not answer: %s", first_line(fault))
    return problem_response(503, say("The database does not answer. Try again in a moment."), headers={"Retry-After": "1"})


def answer_problems(app: FastAPI) -> None:
    """Answer every refusal of this app with a problem document; faults of ours are the guard's."""
    app.add_exception_handler(Refused, answer_refusal)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, http_fault)
    app.add_exception_handler(NotSignedIn, not_signed_in)
    app.add_exception_handler(IntegrityError, at_the_same_moment)
    for fault in (OperationalError, InterfaceError):
        app.add_exception_handler(fault, no_database)


def describe_refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for OpenAPI."""
    return {status: {"model": Problem, "description": HTTPStatus(status).phrase} for status in statuses}
