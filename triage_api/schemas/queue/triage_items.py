"""The queue as rows."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from triage.message.signals.severity import Severity as Rank
from triage.quarantine.search.selection import ANY_PROOF, Selection
from triage.quarantine.triage_items.item_list import ITEM_IDS
from triage.quarantine.triage_items.row_order import RowFilter, RowOrder
from triage.store.delivery_state import State
from triage.store.queue.grouping import Group
from triage.store.queue.sections import Section
from triage_api.schemas.fields import GivenId, Id, Order, Shape, Text, Word
from triage_api.schemas.pagination import Cursor, Limit
from triage_api.schemas.queue.deliveries import Delivery
from triage_api.schemas.queue.selections import Selected
from triage_api.schemas.second_looks import Names
from triage_api.schemas.vocabulary import Severity


class ItemRequest(Shape):
    """Release request for a message of a row."""

    id: Id
    delivery: Annotated[Id, Field(validation_alias="delivery_id")]
    by_name: Annotated[str, Field(validation_alias="by_shown")]
    at: datetime
    comment: Annotated[str, Field(validation_alias="words")]


class ItemReport(Shape):
    """Report of a message of a row as suspicious."""

    id: Id
    delivery: Annotated[Id, Field(validation_alias="delivery_id")]
    by_name: Annotated[str, Field(validation_alias="by_shown")]
    at: datetime


class ItemSnooze(Shape):
    """Member of staff who has snoozed a row."""

    login: str
    name: str
    until: Annotated[datetime, Field(description="when it is back in their queue")]


class TriageItem(Shape):
    """A row of the queue: deliveries that are decided together."""

    key: str
    count: int
    apart: Annotated[int, Field(description="more of the same campaign or sender, in other rows because their proof differs")]
    people: int
    departments: int
    newest_at: datetime
    risk: Annotated[int, Field(validation_alias="weight", description="0-100: the greatest of its deliveries.")]
    severity: Annotated[Severity, Field(description="Severity of the worst of its deliveries.")]
    second_look: Annotated[
        Names, Field(description="of all its deliveries; of a row with more than 500 those of the lead and of its severity")
    ]
    priority: Annotated[int, Field(validation_alias="urgency", description="0-100: the greatest of its deliveries. It sorts, no more.")]
    section: Annotated[
        Section,
        Field(
            description="Where it stands. `act-now`: reported, or copies of it are in mailboxes and look suspicious or worse; "
            "`time-limited`: its code or link expires, those that say so first; `over-target`: see `target_at`; `rest`."
        ),
    ]
    time_limited_until: Annotated[
        datetime | None,
        Field(description="When its next code or link stops working; null: none."),
    ]
    lifetime_assumed: Annotated[bool, Field(description="The message does not say when that is: it is what is usual.")]
    delivered: Annotated[int, Field(description="In `act-now`: how many copies are in mailboxes in your scope; else 0.")]
    opened: Annotated[int | None, Field(description="How many of these were read or answered, as far as is known; null: no mailbox tells.")]
    expires_at: Annotated[datetime | None, Field(description="when the first of its messages expires undecided; null: not today")]
    target_at: Annotated[
        datetime | None,
        Field(
            description="When its first possibly wanted message has waited as long as the target of its department allows; null: no "
            "target. Of a row with more than 500 that of its oldest message, by the department of its lead."
        ),
    ]
    deliver_at: Annotated[
        datetime | None,
        Field(description="When its first message is delivered unless somebody decides (`coverage.deliver_undecided`); null: none is."),
    ]
    requests: Annotated[list[ItemRequest], Field(description="who requested which message", validation_alias="asked")]
    reports: Annotated[list[ItemReport], Field(description="who reported which message as suspicious", validation_alias="suspected")]
    snoozed: Annotated[list[ItemSnooze], Field(description="who has snoozed all of it, the soonest end first; of a long row its lead")]
    comments: Annotated[int, Field(description="of staff, about all its messages in your scope")]
    lead: Delivery
    ids: Annotated[list[Id], Field(description="newest first; of a row with more than `ids` the lead's alone")]
    select: Annotated[Selected, Field(description="the whole row: for a preview or a decision, together with `states` and a folder")]


class Facet(Shape):
    """A value that rows have, and how many do."""

    name: Annotated[str, Field(description="`severity`, `verified`, `attachments` or `language`")]
    value: str
    rows: Annotated[int, Field(description="as far as the other filters show them")]


class TriageItems(Shape):
    """Page of the queue's rows."""

    items: list[TriageItem]
    next_cursor: str | None
    previous_cursor: Annotated[str | None, Field(description="what `before` takes for the page before this one; null at the top")]
    position: Annotated[int | None, Field(description="rows before this page; null where that is not known")]
    total_deliveries: int
    total_items: int
    hidden_items: Annotated[int, Field(description="Rows that `severity`, `verified`, `attachments` and `language` leave out.")]
    snoozed_items: Annotated[int, Field(description="Rows that you have snoozed: left out, or with `snoozed` all that is listed.")]
    snoozed_until: Annotated[datetime | None, Field(description="When the first message that you have snoozed is back; null: none.")]
    facets: Annotated[list[Facet] | None, Field(description="Values of these filters with their numbers of rows; null: not asked for.")]


class RowChoice(Order):
    """Order and filter of the queue's rows. A filter picks whole rows: a decision about a row is about all its messages."""

    group: Annotated[Group, Field(description="Grouping of rows; a row always has one proof.")] = "sender"
    sort: Annotated[
        RowOrder,
        Field(description="`priority`: in sections. `risk`: the most dangerous first. `wait`: the oldest first. `sender`: by address."),
    ] = "priority"
    severity: Annotated[list[Severity], Field(max_length=4, description="of the worst message of a row")] = []
    verified: Annotated[bool | None, Field(description="whether DMARC proves every message of a row")] = None
    attachments: Annotated[bool | None, Field(description="whether a message of a row has one")] = None
    language: Annotated[list[Word], Field(max_length=30, description="of the whole row, like `de`; `unknown` for others")] = []

    def only(self) -> RowFilter:
        """Converts the filter to the core's value. BadInput for a language that is never found."""
        severities = tuple(one for one in Rank if one.word in self.severity)
        return RowFilter(severities, self.verified, self.attachments, tuple(self.language)).checked()


class TriageFilter(RowChoice):
    """Filter of the queue's rows."""

    state: list[State] = [State.HELD]
    campaign: GivenId | None = None
    department: Word | None = None
    person: Annotated[Word | None, Field(description="uid; empty: the department's shared folder")] = None
    assigned_to: Annotated[Word, Field(description="login of a colleague to whom it is assigned")] = ""
    reported: Annotated[bool, Field(description="Only messages that somebody reported; in any state unless `state` is given.")] = False
    snoozed: Annotated[
        bool, Field(description="Only rows that you have snoozed. They are left out otherwise, where `state` is `held`.")
    ] = False
    q: Text = ""

    def selection(self) -> Selection:
        """Converts it to the core's value. BadInput for a field that does not exist."""
        any_state = self.reported and "state" not in self.model_fields_set
        return Selection(
            campaign=self.campaign,
            proof=ANY_PROOF,
            department=self.department,
            person=self.person,
            assigned_to=self.assigned_to,
            q=self.q,
            states=() if any_state else tuple(self.state),
            reported=self.reported,
        ).with_known_fields()


class TriageQuery(TriageFilter):
    """Filter and page of the queue's rows."""

    limit: Limit = 50
    cursor: Cursor = None
    ids: Annotated[
        int, Field(ge=0, le=500, description="A row of at most so many deliveries has all their ids; `select` covers any row.")
    ] = ITEM_IDS
    at: Annotated[Cursor, Field(description="An anchor of `/triage/anchors`: the page begins there. Instead of `cursor`.")] = None
    before: Annotated[Cursor, Field(description="`previous_cursor` of a page: the page that ends where that one begins.")] = None
    position: Annotated[
        int, Field(ge=0, le=2**31, description="The page begins after so many rows; in a long list with `group=none` approximately.")
    ] = 0
    facets: Annotated[bool, Field(description="Count the rows of each value of the filters too.")] = False
    section: Annotated[Section | None, Field(description="Only rows of this section. Totals are those of the whole list.")] = None
    end: Annotated[bool, Field(description="The last page of all, in the list's own order. Instead of `cursor` and `at`.")] = False


class Anchor(Shape):
    """A place in the list of rows."""

    position: Annotated[int, Field(description="of the first row there, from 0")]
    at: str


class Anchors(Shape):
    """Places for jumping into a long list. They may be half a minute old: each leads to where its row was."""

    items: list[Anchor]
    total_items: int
