"""Web push to the browser of a session: whether it is on, begin, end. For people who have signed in with a browser."""

from typing import Annotated

from fastapi import Header, Request

from triage.notifications.webhooks import push_subscriptions
from triage.text.i18n import choose_accepted
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx
from triage_api.routes.access.session import session_key
from triage_api.schemas.access import web_push as schemas

router = resource_router("session", "/web-push")


@router.get("", response_model=schemas.WebPush, responses=describe_refusals(401, 403))
def get_web_push(request: Request, session: Read, here: Here, by: Staff) -> schemas.WebPush:
    """The key for subscribing, and whether this browser has subscribed."""
    subscribed = push_subscriptions.is_subscribed(session, by=by, key=session_key(request, here))
    return schemas.WebPush(key=push_subscriptions.read_public_key(session, here.settings), subscribed=subscribed)


@router.put("", status_code=204, responses=describe_refusals(401, 403, 409, 422))
def subscribe_web_push(
    order: schemas.PushOrder, request: Request, session: Tx, here: Here, by: Staff, accept_language: Annotated[str, Header()] = ""
) -> None:
    """Send web push to this browser: that something cannot wait, in the language that you ask in, and nothing of a message.

    It goes through the server of the browser's maker. It ends with the sign-out, and when that server says that the browser is gone.
    """
    language, key = choose_accepted(accept_language), session_key(request, here)
    push_subscriptions.subscribe(
        session, here.settings, order.endpoint, order.p256dh, order.auth, language=language, key=key, by=by, now=utcnow()
    )


@router.delete("", status_code=204, responses=describe_refusals(401, 403))
def unsubscribe_web_push(request: Request, session: Tx, here: Here, by: Staff) -> None:
    """Send no more web push to this browser."""
    push_subscriptions.unsubscribe(session, by=by, key=session_key(request, here))
