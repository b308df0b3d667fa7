"""State machine of a delivery: states, events, and the one table of transitions."""

from enum import StrEnum

from triage.errors import NotAllowedNow
from triage.say import Said, say


class State(StrEnum):
    """State of a delivery."""

    HELD = "held"
    QUEUED = "queued"
    RELAYING = "relaying"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    RECALLING = "recalling"
    RESTORING = "restoring"
    PURGED = "purged"
    REJECTED = "rejected"
    EXPIRED = "expired"


SHOWN: dict[str, Said] = {
    State.HELD: say("held"),
    State.QUEUED: say("queued"),
    State.RELAYING: say("relaying"),
    State.DELIVERED: say("delivered"),
    State.BOUNCED: say("bounced"),
    State.RECALLING: say("recalling"),
    State.RESTORING: say("restoring"),
    State.PURGED: say("purged"),
    State.REJECTED: say("rejected"),
    State.EXPIRED: say("expired"),
}  # for people to read
FOR_ASSISTANT = "held-for-assistant"  # the policy's rule about known messages to people of whom everything is held
RELEASED = (State.QUEUED, State.RELAYING, State.DELIVERED, State.BOUNCED)  # it was accepted, whatever came of it


class Event(StrEnum):
    """Event in the life of a delivery."""

    RELEASE = "release"
    REDIRECT = "redirect"
    PURGE = "purge"
    SEEK = "seek"
    REJECT = "reject"
    RESTORE = "restore"
    EXPIRE = "expire"
    HOLD = "hold"
    CLAIM = "claim"
    DELIVER = "deliver"
    DEFER = "defer"
    BOUNCE = "bounce"
    COME_BACK = "come_back"
    RECALL = "recall"
    MISS = "miss"
    GIVE_UP = "give_up"
    PUT_BACK = "put_back"
    REDELIVER = "redeliver"
    ANSWER = "answer"


ENTRY = frozenset({State.HELD, State.QUEUED, State.PURGED, State.RECALLING})  # where `receive` may put a new delivery
FINAL = frozenset({State.DELIVERED, State.BOUNCED, State.PURGED, State.REJECTED, State.EXPIRED})

TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.HELD, Event.RELEASE): State.QUEUED,
    (State.HELD, Event.REDIRECT): State.QUEUED,
    (State.HELD, Event.PURGE): State.PURGED,
    (State.HELD, Event.REJECT): State.REJECTED,
    (State.HELD, Event.EXPIRE): State.EXPIRED,
    (State.HELD, Event.ANSWER): State.EXPIRED,
    (State.REJECTED, Event.RESTORE): State.HELD,
    (State.EXPIRED, Event.RESTORE): State.HELD,
    (State.QUEUED, Event.HOLD): State.HELD,
    (State.QUEUED, Event.PURGE): State.PURGED,
    (State.QUEUED, Event.GIVE_UP): State.BOUNCED,
    (State.QUEUED, Event.CLAIM): State.RELAYING,
    (State.RELAYING, Event.CLAIM): State.RELAYING,
    (State.RELAYING, Event.DELIVER): State.DELIVERED,
    (State.RELAYING, Event.DEFER): State.QUEUED,
    (State.RELAYING, Event.BOUNCE): State.BOUNCED,
    (State.BOUNCED, Event.RELEASE): State.QUEUED,
    (State.BOUNCED, Event.REDIRECT): State.QUEUED,
    (State.BOUNCED, Event.PURGE): State.PURGED,
    (State.HELD, Event.SEEK): State.RECALLING,
    (State.QUEUED, Event.SEEK): State.RECALLING,
    (State.BOUNCED, Event.SEEK): State.RECALLING,
    (State.DELIVERED, Event.COME_BACK): State.BOUNCED,
    (State.DELIVERED, Event.PURGE): State.RECALLING,
    (State.DELIVERED, Event.REDELIVER): State.QUEUED,
    (State.DELIVERED, Event.PUT_BACK): State.RESTORING,
    (State.RECALLING, Event.CLAIM): State.RECALLING,
    (State.RECALLING, Event.RECALL): State.PURGED,
    (State.RECALLING, Event.MISS): State.PURGED,
    (State.RECALLING, Event.GIVE_UP): State.DELIVERED,
    (State.PURGED, Event.RESTORE): State.HELD,
    (State.PURGED, Event.PUT_BACK): State.RESTORING,
    (State.RESTORING, Event.CLAIM): State.RESTORING,
    (State.RESTORING, Event.DELIVER): State.DELIVERED,
    (State.RESTORING, Event.GIVE_UP): State.QUEUED,
}
SOURCES = {event: frozenset(state for state, possible in TRANSITIONS if possible is event) for event in Event}  # where each may happen


def next_state(state: State, event: Event) -> State:
    """The state after `event`; NotAllowedNow when the table has no such line."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise NotAllowedNow(say("a {state} delivery cannot be changed by {event}", state=SHOWN[state], event=event)) from None
