"""Practising on mail whose answer is known: a hand of cards, a look at one, an answer, the scores. No real mail is touched."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse

from triage import db, practice, viewings
from triage.exercises import Deck
from triage.preview import unavailable
from triage.times import utcnow
from triage.visible import visible
from triage_api.framed import framed
from triage_api.messages import VIEW, Language, put_fetch_on_record, rendered
from triage_api.office import Here
from triage_api.once import Once
from triage_api.problems import described
from triage_api.session import Staff
from triage_api.shapes import practice as shapes
from triage_api.shapes.texts import Word
from triage_api.transactions import Read, Tx

MOST = 50

router = APIRouter(route_class=Once, prefix="/practice", tags=["practice"])


def laid_out(here: Here, _by: Staff) -> Deck:
    """The generated cards; made before the database is asked, since making them takes a moment."""
    here.deck()
    return here.deck


Laid = Annotated[Deck, Depends(laid_out)]


@router.get("/cards", response_model=shapes.Hand, responses=described(401, 403, 422))
def deal_cards(deck: Laid, session: Read, by: Staff, limit: Annotated[int, Query(ge=1, le=MOST)] = practice.HAND) -> shapes.Hand:
    """Cards that you have not answered yet: generated ones, and mail in your scope that was decided before and is not sealed."""
    return shapes.Hand.model_validate({"items": practice.deal(session, deck, by=by, now=utcnow(), limit=limit)})


@router.get("/cards/{card}/view", response_class=HTMLResponse, responses=VIEW | described(401, 403, 404))
def view_card(card: Word, deck: Laid, here: Here, by: Staff, language: Language = "") -> HTMLResponse:
    """The mail of a card as a harmless document of its own. That you fetched a real one goes on the record."""
    with db.reading(here.engine) as session:
        one = practice.exercise(session, deck, card, by=by, now=utcnow())
    if one.message_id is not None:
        put_fetch_on_record(here, one.message_id, "html", by)
    preview = rendered(here, visible(card), one.raw, "html") or unavailable("it is too large or too complicated for its reader")
    return framed(preview.document, language)


@router.post("/cards/{card}/viewed", status_code=204, responses=described(401, 403, 404, 409))
def note_card_viewed(card: Word, deck: Laid, session: Tx, by: Staff) -> None:
    """Say that the mail of a card was on your screen, as the console does: of a real one it goes on the record, once in five minutes."""
    one = practice.exercise(session, deck, card, by=by, now=utcnow())
    if one.message_id is not None:
        viewings.view(session, one.message_id, by=by, now=utcnow())


@router.post("/answers", status_code=201, response_model=shapes.PracticeResult, responses=described(401, 403, 404, 422))
def answer_card(order: shapes.PracticeOrder, deck: Laid, session: Tx, by: Staff) -> shapes.PracticeResult:
    """Say what you would do with the mail of a card, and learn what was right and what gave it away. The first answer counts."""
    return shapes.PracticeResult.model_validate(practice.answer(session, deck, order.card, order.answer, by=by, now=utcnow()))


@router.get("/scores", response_model=shapes.PracticeScores, responses=described(401, 403))
def list_scores(session: Read, by: Staff) -> shapes.PracticeScores:
    """How you do; administrators of the whole company see everybody."""
    return shapes.PracticeScores.model_validate({"items": practice.scores(session, by=by)})
