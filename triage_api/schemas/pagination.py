"""Cursors: where the next page of a list begins, opaque to the client."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from triage.errors import BadInput
from triage.say import say
from triage.times import from_micros, to_micros

Limit = Annotated[int, Field(ge=1, le=200, description="Items on a page.")]
Cursor = Annotated[str | None, Field(max_length=2000, description="`next_cursor` of the page before.")]


def cursor_of(place: tuple[Any, ...] | None) -> str | None:
    """A place in a list, of instants, numbers and text, as a cursor; None at the end."""
    if place is None:
        return None
    plain = [{"t": to_micros(part)} if isinstance(part, datetime) else part for part in place]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")


def place_of(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Decodes a cursor's place; BadInput unless it has parts of these kinds."""
    if not cursor:
        return None
    try:
        plain = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        place = tuple(from_micros(part["t"]) if isinstance(part, dict) else part for part in plain)
        fits = tuple(type(part) for part in place) == kinds and all(is_storable(part) for part in place)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        fits = False
    if not fits:
        raise BadInput(say("this cursor does not belong to this list; begin without one"), field="cursor")
    return place


def id_of(cursor: str | None) -> int | None:
    """Decodes the id in the cursor of a list by ids; None at the beginning."""
    place = place_of(cursor, int)
    return int(place[0]) if place else None


def by_id(one: Any) -> tuple[Any, ...]:
    """Cursor of an entry in a list by ids."""
    return (one.id,)


def next_cursor(found: Sequence[Any], limit: int, place: Callable[[Any], tuple[Any, ...]] = by_id) -> str | None:
    """The cursor of the page after the first `limit` of what was found; None where one more than these was asked for and did not come."""
    return cursor_of(place(found[limit - 1])) if len(found) > limit else None


def is_storable(part: Any) -> bool:
    """Whether a database can compare with this."""
    if isinstance(part, int):
        return -(2**63) <= part < 2**63
    return not isinstance(part, str) or ("\0" not in part and not any("\ud800" <= letter <= "\udfff" for letter in part))
