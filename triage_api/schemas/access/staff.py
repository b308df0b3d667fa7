"""The people who triage."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from triage.actor import Role
from triage_api.schemas.fields import Shape


class StaffMember(Shape):
    """Staff member with role and scope."""

    login: str
    name: str
    role: Role
    scope: list[str]
    rights: Annotated[list[str], Field(description="beside the role: remove-delivered, data-protection, hunt, outgoing")]
    source: Annotated[str, Field(description="directory; local: an account made here; provider: by an identity provider's groups")]
    active: Annotated[bool, Field(description="false: the directory no longer names them")]
    away_until: Annotated[datetime | None, Field(description="null: on duty")]
    sessions: Annotated[int, Field(description="browsers they are signed in with")]


class StaffMembers(Shape):
    """Page of staff, by login."""

    items: list[StaffMember]
    next_cursor: str | None
