"""Routes of contacts: list, accept or remove pending ones, count addresses not learned, and learn from scripts."""

from datetime import timedelta
from typing import Annotated

from fastapi import Query

from triage.policy.contacts import contact_review
from triage.policy.contacts.contact_evidence import WORDS, Reason
from triage.policy.learning import learn_contacts
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.fields import Word
from triage_api.schemas.operations.outgoing_queue import Count
from triage_api.schemas.pagination import Cursor, Limit, id_of, next_cursor, place_of
from triage_api.schemas.policy import contacts as schemas
from triage_api.schemas.vocabulary import CONTACT_STATES, stored_word

router = resource_router("contacts")

State = Annotated[str, Query(pattern="^(known|pending|removed)$")]
Days = Annotated[int, Query(ge=1, le=400, description="Of so many days, today's the last.")]


@router.post("/learn", response_model=schemas.Learned, responses=describe_refusals(401, 403, 422))
def learn(order: schemas.Lessons, session: Tx, by: Staff, here: Here) -> schemas.Learned:
    """Report contacts of employees, as if they had just written to them. A repeated call changes nothing. All or nothing."""
    report = learn_contacts.announce_contacts(session, order.announced(), settings=here.settings, by=by, now=utcnow())
    wake_after(session)
    skipped = {str(reason): count for reason, count in report.skipped.items()}
    return schemas.Learned(learned=report.learned, known=report.known, pending=report.parked, skipped=skipped)


@router.get("/contacts", response_model=schemas.Contacts, responses=describe_refusals(401, 422))
def list_contacts(
    session: Read,
    by: Staff,
    here: Here,
    state: State = "known",
    q: Word = "",
    person: Word = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> schemas.Contacts:
    """Contacts of the people in your scope, newest first."""
    before = id_of(cursor)
    found = contact_review.list_contacts(
        session, by=by, settings=here.settings, state=stored_word(CONTACT_STATES, state), q=q, person=person, limit=limit + 1, before=before
    )
    return schemas.Contacts.model_validate({"items": found[:limit], "next_cursor": next_cursor(found, limit)})


@router.post("/contacts/accept", response_model=Count, responses=describe_refusals(401, 403, 404, 422))
def accept_contacts(order: schemas.ChosenContacts, session: Tx, by: Staff, here: Here) -> Count:
    """Make pending or removed contacts count from now on."""
    count = contact_review.accept_contacts(session, order.ids, by=by, settings=here.settings, now=utcnow())
    wake_after(session)
    return Count(count=count)


@router.post("/contacts/remove", response_model=Count, responses=describe_refusals(401, 403, 404, 422))
def remove_contacts(order: schemas.ChosenContacts, session: Tx, by: Staff) -> Count:
    """Stop these contacts from counting, also when somebody writes to them again."""
    count = contact_review.drop_contacts(session, order.ids, by=by, now=utcnow())
    wake_after(session)
    return Count(count=count)


@router.get("/contacts/reasons", response_model=schemas.ReasonsNotLearned, responses=describe_refusals(401, 422))
def list_reasons(session: Read, by: Staff, days: Days = 30) -> schemas.ReasonsNotLearned:
    """Reasons why addresses in messages of the departments in your scope were not learned, the most frequent first."""
    found = contact_review.count_unlearned(session, by=by, since=utcnow() - timedelta(days=days - 1))
    items = [{"how": how, "reason": why, "words": WORDS[Reason(why)], "count": count} for how, why, count in found]
    return schemas.ReasonsNotLearned.model_validate({"items": items})


@router.get("/contacts/lists", response_model=schemas.PostedLists, responses=describe_refusals(401, 422))
def list_posted_lists(
    session: Read, by: Staff, limit: Annotated[int, Query(ge=1, le=1000)] = 50, cursor: Cursor = None
) -> schemas.PostedLists:
    """Mailing lists that people in your scope write to, those with the most posts first: suggestions for list rules."""
    found = contact_review.posted_lists(session, by=by, limit=limit + 1, after=place_of(cursor, int, str))
    return schemas.PostedLists.model_validate(
        {"items": found[:limit], "next_cursor": next_cursor(found, limit, lambda one: (one.posts, one.address))}
    )
