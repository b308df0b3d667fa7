"""Routes of the training: messages whose answer is known, a view of one, an answer, the scores. Nothing happens to real messages."""

from typing import Annotated

from fastapi import Depends, Query
from fastapi.responses import HTMLResponse

from triage.message.preview.preview_document import unavailable_document
from triage.quarantine import training, viewings
from triage.quarantine.known_messages import figures
from triage.quarantine.training_messages import Deck
from triage.store import db
from triage.text.sanitize import escape_visible
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.preview_frame import frame_document
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx
from triage_api.routes.messages.messages import VIEW, Language, put_fetch_on_record, render_message
from triage_api.schemas.fields import Word
from triage_api.schemas.queue import training as schemas
from triage_api.schemas.vocabulary import TRAINING_ANSWERS, stored_word

MOST = 50

router = resource_router("training", "/training")


def laid_out(here: Here, _by: Staff) -> Deck:
    """The invented messages; made before the database is asked, since making them takes a moment."""
    here.deck()
    return here.deck


Laid = Annotated[Deck, Depends(laid_out)]


@router.get("/messages", response_model=schemas.TrainingMessages, responses=describe_refusals(401, 403, 422))
def list_training_messages(
    deck: Laid, session: Read, by: Staff, limit: Annotated[int, Query(ge=1, le=MOST)] = training.HAND
) -> schemas.TrainingMessages:
    """Training messages that you have not answered: invented ones, and decided messages of your scope outside confidential folders."""
    return schemas.TrainingMessages.model_validate({"items": training.deal_messages(session, deck, by=by, now=utcnow(), limit=limit)})


@router.get("/messages/{message}/view", response_class=HTMLResponse, responses=VIEW | describe_refusals(401, 403, 404))
def view_training_message(message: Word, deck: Laid, here: Here, by: Staff, language: Language = "") -> HTMLResponse:
    """A training message as a harmless document. Fetching a real one is noted in the audit log."""
    with db.read_transaction(here.engine) as session:
        one = training.get_training_message(session, deck, message, by=by, now=utcnow())
    if one.message_id is not None:
        put_fetch_on_record(here, one.message_id, "html", by)
    preview = render_message(here, escape_visible(message), one.raw, "html") or unavailable_document(
        "it is too large or too complicated for its reader"
    )
    return frame_document(preview.document, language)


@router.post("/messages/{message}/viewed", status_code=204, responses=describe_refusals(401, 403, 404, 409))
def note_training_viewed(message: Word, deck: Laid, session: Tx, by: Staff) -> None:
    """Note that you saw a training message on your screen: of a real one in the audit log, once in five minutes."""
    one = training.get_training_message(session, deck, message, by=by, now=utcnow())
    if one.message_id is not None:
        viewings.record_view(session, one.message_id, by=by, now=utcnow())


@router.post("/answers", status_code=201, response_model=schemas.TrainingResult, responses=describe_refusals(401, 403, 404, 422))
def answer_training(order: schemas.TrainingOrder, deck: Laid, session: Tx, by: Staff) -> schemas.TrainingResult:
    """Answer what you would do with a training message, and learn what is right and why. The first answer counts."""
    return schemas.TrainingResult.model_validate(
        training.answer_training_message(session, deck, order.message, stored_word(TRAINING_ANSWERS, order.answer), by=by, now=utcnow())
    )


@router.get("/scores", response_model=schemas.TrainingScores, responses=describe_refusals(401, 403))
def list_scores(session: Read, by: Staff) -> schemas.TrainingScores:
    """Your training scores; company-wide administrators see everybody's."""
    return schemas.TrainingScores.model_validate({"items": training.list_scores(session, by=by)})


@router.get("/known-messages", response_model=schemas.KnownFigures, responses=describe_refusals(401, 403))
def get_known_figures(here: Here, session: Read, by: Staff) -> schemas.KnownFigures:
    """Your hits and misses with known messages; for company-wide administrators and auditors also the team's."""
    return schemas.KnownFigures.model_validate(figures.read_figures(session, by=by, settings=here.settings, now=utcnow()))
