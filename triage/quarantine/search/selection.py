"""Selection: which deliveries somebody means. As a SQL condition, as a count, as an evidence sheet with a fence."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Self

from sqlalchemy import ColumnElement, ScalarSelect, String, and_, case, func, literal, or_, select, true
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.addressing.envelope import Address, ascii_domain
from triage.errors import BadInput
from triage.ids import format_id, parse_id
from triage.quarantine.search import links_and_files, search_condition, search_query
from triage.say import error_sentence, quote_text, say
from triage.store.db import is_among
from triage.store.delivery_state import FOR_ASSISTANT, State
from triage.store.domain_index import names_of, of_domain
from triage.store.models.assignments import Assignment
from triage.store.models.deliveries import Delivery
from triage.store.queue import open_reports
from triage.store.queue.grouping import COPIES as AS_COPIES, in_states, proven_as, separates_rows
from triage.times import to_micros

MOST_IDS = 5000
MOST_ITEMS = 500
# besides a domain or an address: who proves to have sent it
ANY_PROOF, UNPROVEN, COPIES, CLAIMED, FORGED = "any", "none", "copies", "claimed", "forged"
SPARED = (
    "allowed-sender",
    "proof-unknown",
    FOR_ASSISTANT,
)  # the policy's rules about messages that a block of forgeries spares, whatever proves them


@dataclass(frozen=True, slots=True)
class Selection:
    """Deliveries by id, or by all of the given features. An empty selection is an error, never everything."""

    ids: tuple[int, ...] = ()
    sender: str = ""  # author address
    domain: str = ""  # of the author, with everything below it
    campaign: int | None = None
    # any, none, copies, claimed (without a clear author), forged (what a block of forgeries stops), or the domain or address that proves
    # to have sent it; "": any, but of a campaign its copies, or where it has none what most of it has
    proof: str = ""
    department: str | None = None
    person: str | None = None  # uid; "" is the department's shared folder
    assigned_to: str = ""  # login of the colleague to whom they are assigned
    q: str = ""  # a search: search_query.terms
    link_domain: str = ""  # a link opens it, or what lies below it
    attachment_sha256: str = ""  # the digest of an attachment's bytes
    states: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    delivered_since: datetime | None = None  # only what is delivered, and was so then or later
    known: bool = False  # a removal takes what is from wanted senders along too: contacts, allowed senders, senders of released messages
    reported: bool = False  # only what somebody here finds unusual, and nobody has looked at since
    any_of: "tuple[Selection, ...]" = ()  # only what one of these names: what several rows hold

    @classmethod
    def of(cls, **given: Any) -> Self:
        """A checked selection that somebody enters; BadInput names what is wrong."""
        return cls(**given).checked().with_known_fields()

    def checked(self) -> Self:
        """Itself, when it names something and not too much; BadInput otherwise, and for a state that does not exist."""
        features = (
            *(self.ids, self.sender, self.domain, self.campaign),
            *(self.department, self.person, self.q, self.assigned_to),
            *(self.link_domain, self.attachment_sha256, self.any_of),
        )
        if not any(feature not in ((), "", None) for feature in features) and self.person != "":
            raise BadInput(
                say("name ids, a sender, a domain, a campaign, a department, a person, a link's domain, an attachment or words"),
                field="select",
            )
        if len(self.ids) > MOST_IDS:
            raise BadInput(
                say("at most {most_ids} ids at once; select by sender, domain or folder instead", most_ids=MOST_IDS), field="select"
            )
        if len(self.any_of) > MOST_ITEMS:
            raise BadInput(
                say("at most {most_rows} rows at once; select a folder or a search instead", most_rows=MOST_ITEMS), field="select"
            )
        for state in self.states:
            if state not in set(State):
                raise BadInput(
                    say("there is no state {state}; there are {names}", state=quote_text(state), names=", ".join(State)), field="select"
                )
        return self

    def with_known_fields(self) -> Self:
        """Itself; BadInput when its search has a field that does not exist."""
        search_query.refuse_unknown_fields(self.q)
        return self

    @property
    def reads_content(self) -> bool:
        """Whether it is about what mail says or carries."""
        return bool(self.q or self.link_domain or self.attachment_sha256)

    def as_json(self) -> dict[str, Any]:
        """Returns the selection for the audit log: only what was given."""
        values = {name: value for name, value in asdict(self).items() if value not in ((), "", None) and value is not False}
        if "ids" in values:
            values["ids"] = [format_id(number) for number in self.ids]
        if self.campaign is not None:
            values["campaign"] = format_id(self.campaign)
        for bound in ("since", "until", "delivered_since"):
            if bound in values:
                values[bound] = values[bound].isoformat()
        if self.any_of:
            values["any_of"] = [one.as_json() for one in self.any_of]
        return values


def from_json(values: dict[str, Any]) -> Selection:
    """The selection that `Selection.as_json` wrote, maybe before a field of its search was refused: such a field is a word."""
    moments = {name: datetime.fromisoformat(text) for name, text in values.items() if name in ("since", "until", "delivered_since")}
    given: dict[str, Any] = values | moments | {"states": tuple(values.get("states", ()))}
    if "handed_to" in given:  # the field's name before 0.1.0
        given["assigned_to"] = given.pop("handed_to")
    if "campaign" in values:
        given["campaign"] = parse_id(values["campaign"])
    given["any_of"] = tuple(from_json(one) for one in values.get("any_of", ()))
    return Selection(**given | {"ids": tuple(parse_id(one) for one in values.get("ids", ()))}).checked()


def selection_condition(selection: Selection) -> ColumnElement[bool]:
    """The selection as a condition on Delivery; combine it with access.visible."""
    wanted: list[ColumnElement[bool]] = []
    if selection.ids:
        wanted.append(col(Delivery.id).in_(selection.ids))
    if selection.sender:
        wanted.append(col(Delivery.author) == folded_address(selection.sender))
    if selection.domain:
        wanted.append(of_domain(folded_domain(selection.domain)))
    if selection.campaign is not None:
        wanted.append(of_campaign(selection.campaign, selection.proof))
    elif selection.proof and selection.proof != ANY_PROOF:
        wanted.append(proof_condition(selection.proof))
        if selection.sender and selection.proof in (UNPROVEN, FORGED):
            wanted.append(col(Delivery.claimed).is_(False))  # claims to be them have a row of their own
    if selection.department:
        wanted.append(col(Delivery.department) == selection.department.casefold())
    if selection.person is not None:
        wanted.append(col(Delivery.person) == selection.person.casefold())
    if selection.assigned_to:
        to = selection.assigned_to.casefold()
        wanted.append(col(Delivery.id).in_(select(col(Assignment.delivery_id)).where(col(Assignment.to) == to)))
    if selection.reported:
        wanted.append(open_reports.is_reported())
    if selection.any_of:
        wanted.append(or_(*(selection_condition(one) for one in selection.any_of)))
    if selection.q:
        wanted.extend(search_condition.search_conditions(selection.q))
    if selection.link_domain:
        wanted.append(links_and_files.link_to(selection.link_domain))
    if selection.attachment_sha256:
        wanted.append(links_and_files.attachment_condition(selection.attachment_sha256))
    if selection.states:
        wanted.append(states_condition(selection, selection.states))
    if selection.since:
        wanted.append(col(Delivery.received_at) >= selection.since)
    if selection.until:
        wanted.append(col(Delivery.received_at) < selection.until)
    if selection.delivered_since:
        wanted.append((col(Delivery.state) == State.DELIVERED) & (col(Delivery.settled_at) >= selection.delivered_since))
    return and_(true(), *wanted)


def states_condition(selection: Selection, states: Collection[str]) -> ColumnElement[bool]:
    """Condition: what the selection names, in one of these states. Where it names few, no index of states leads to them."""
    few = selection.ids or selection.assigned_to or selection.campaign is not None or selection.any_of
    return in_states(states) if few else in_one_of(states)


def resolved_condition(session: Session, selection: Selection) -> ColumnElement[bool]:
    """The same for several questions: which names a domain has is looked for once for all of them."""
    if not selection.domain:
        return selection_condition(selection)
    names = session.scalars(names_of(folded_domain(selection.domain)))
    return and_(is_among(session, col(Delivery.author_domain), names), selection_condition(replace(selection, domain="")))


def in_one_of(states: Collection[str]) -> ColumnElement[bool]:
    """In one of these states. Of most of them the others are excluded, so that no database looks through an index of states for it."""
    others = [state for state in State if state not in states]
    few = len(others) < len(State) / 2
    return (col(Delivery.state).not_in(others) if others else true()) if few else col(Delivery.state).in_(states)


def of_campaign(campaign: int, proof: str) -> ColumnElement[bool]:
    """Messages of a campaign that this proves; also what lies in a flood, where its proof counts all the same."""
    own, in_floods = col(Delivery.campaign_id) == campaign, col(Delivery.wave_id) == campaign
    if proof == ANY_PROOF:
        return or_(own, in_floods)
    if not proof:
        usual = usual_proof(campaign)
        return or_(and_(own, separates_rows() == usual), and_(in_floods, copy_or_proof() == usual))
    if proof in (COPIES, CLAIMED):
        return and_(or_(own, in_floods), proof_condition(proof))
    alike = (
        separates_rows() == ""
        if proof == UNPROVEN
        else and_(col(Delivery.flood).is_(False), col(Delivery.is_copy).is_(False), proof_condition(proof))
    )
    return or_(and_(own, alike), and_(in_floods, proof_condition(proof)))


def copy_or_proof() -> ColumnElement[str]:
    """Returns for deliveries of a flood whether each is a copy of its campaign, else its proof."""
    return case((col(Delivery.is_copy).is_(True), literal(AS_COPIES, String)), else_=proven_as())


def proof_condition(proof: str) -> ColumnElement[bool]:
    """Condition for deliveries proven by nobody, by an address, or by a domain.

    The name of a free-mail provider covers all its addresses.
    """
    if proof in (COPIES, CLAIMED):
        return col(Delivery.is_copy if proof == COPIES else Delivery.claimed).is_(True)
    if proof == FORGED:
        return ~is_spared()
    named = who_proves(proof)
    if not named:
        return proven_as() == ""
    return (col(Delivery.proof) != "") & ((col(Delivery.author) if "@" in named else col(Delivery.author_domain)) == named)


def is_spared() -> ColumnElement[bool]:
    """Condition: a block of forgeries spares it. It is proven, an allow rule let it in by another proof, or DNS has not answered yet."""
    return (col(Delivery.proof) != "") | col(Delivery.rule).in_(SPARED)


def who_proves(proof: str) -> str:
    """The domain or address that a selection names as proof, "" for what nothing proves."""
    return "" if proof in (UNPROVEN, CLAIMED, FORGED) else folded_address(proof) if "@" in proof.lstrip("@") else folded_domain(proof)


def usual_proof(campaign: int) -> ScalarSelect[str]:
    """Returns the proof that a campaign means by itself: its copies, or where it has none the most common proof. The rest may be the
    genuine messages that it copies.
    """
    whole = select(separates_rows().label("proof")).where(col(Delivery.campaign_id) == campaign, col(Delivery.direction) == "in").subquery()
    return (
        select(whole.c.proof)
        .group_by(whole.c.proof)
        .order_by((whole.c.proof == AS_COPIES).desc(), func.count().desc(), whole.c.proof)
        .limit(1)
        .scalar_subquery()
    )


def settled_proof(session: Session, selection: Selection) -> str:
    """The proof that a selection means, said once and for all: what proves most mail of a campaign may change while it grows."""
    if selection.campaign is None or selection.proof:
        return selection.proof
    usual = session.scalar(select(usual_proof(selection.campaign)))
    return COPIES if usual == AS_COPIES else usual or UNPROVEN


def known_ids(session: Session, ids: Iterable[int], *, by: Actor) -> frozenset[int]:
    """Returns those of the delivery ids that the actor may see."""
    where = and_(is_among(session, col(Delivery.id), ids), access.visible_deliveries(by))
    return frozenset(session.scalars(select(col(Delivery.id)).where(where)))


def count_set_apart(session: Session, selection: Selection, found: int, *, by: Actor) -> int:
    """Counts deliveries of the selected campaign or sender that a selection leaves out for their proof, among those the actor may see."""
    if selection.proof == ANY_PROOF or (selection.campaign is None and not selection.proof):
        return 0
    where = and_(selection_condition(replace(selection, proof=ANY_PROOF)), access.visible_deliveries(by))
    return (session.scalar(select(func.count()).select_from(Delivery).where(where)) or 0) - found


def count_outside(session: Session, selection: Selection, found: int, *, by: Actor, states: Iterable[str] = ()) -> int:
    """Counts deliveries of a selection outside the actor's scope, in these states; `found`: so many are within.

    Of ids those that there are not count too, so that nobody learns which there are. A search for words, a link or an
    attachment is not answered: the number would say what others' mail is about.
    """
    if selection.any_of:
        return sum(beyond_item(session, selection, one, by=by, states=states) for one in selection.any_of)
    if selection.ids:
        return len(set(selection.ids)) - found
    if selection.reads_content or by.scope.company:
        return 0
    where = and_(selection_condition(selection), access.beyond_scope(by), *([states_condition(selection, list(states))] if states else []))
    return session.scalar(select(func.count()).select_from(Delivery).where(where)) or 0


def beyond_item(session: Session, selection: Selection, item: Selection, *, by: Actor, states: Iterable[str]) -> int:
    """Counts deliveries of one of several rows outside the actor's scope, within what else is selected."""
    one = replace(selection, any_of=(), ids=item.ids, sender=item.sender, campaign=item.campaign, proof=item.proof, until=item.until)
    where = and_(selection_condition(one), access.visible_deliveries(by))
    within = session.scalar(select(func.count()).select_from(Delivery).where(where)) or 0 if item.ids else 0
    return count_outside(session, one, within, by=by, states=states)


def folded_address(text: str) -> str:
    """An address as deliveries hold it."""
    try:
        return str(Address.parse(text))
    except ValueError:
        return text.strip().casefold()  # what an ambiguous author was shown as


def folded_domain(text: str) -> str:
    """A domain as deliveries hold it."""
    try:
        return ascii_domain(text.removeprefix("@").removeprefix("."))
    except ValueError as fault:
        raise BadInput(error_sentence(fault), field="domain") from fault


def selection_fence(session: Session, where: ColumnElement[bool]) -> str:
    """The fence of what a condition names now."""
    columns = (col(Delivery.id), col(Delivery.state), col(Delivery.received_at))
    return fence_of(session.execute(select(*columns).where(where).order_by(col(Delivery.id))))


def fence_of(rows: Iterable[Any]) -> str:
    """A short digest of deliveries by id, state and time: equal fences, equal selections."""
    digest = hashlib.sha256()
    for delivery_id, state, received_at in rows:
        digest.update(f"{delivery_id} {state} {to_micros(received_at)}\n".encode())
    return digest.hexdigest()[:24]
