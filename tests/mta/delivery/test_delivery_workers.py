"""State shared by the relay's thread and its workers, read under the lock only; pauses of a next hop."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mta.delivery import delivery_workers as crews
from mta.delivery.delivery_attempt import DeliveryBatch
from mta.delivery.delivery_workers import Carriers
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.delivery.queue import Claim, Outcome
from triage.delivery.routes import list_destinations
from triage.message.authentication import Authentication
from triage.times import utcnow


def test_the_backlog_is_counted_while_no_worker_takes_from_it(settings: Settings) -> None:
    (destination,) = list_destinations(settings)
    carriers = Carriers(destination, settings, lambda: None)

    class Watched(deque[DeliveryBatch]):
        """A backlog that nobody may walk through beside the others."""

        def __iter__(self) -> Iterator[DeliveryBatch]:
            assert carriers.lock.locked()
            return super().__iter__()

    carriers.backlog = Watched()
    assert carriers.bytes_left() > 0
    assert carriers.room() > 0
    assert carriers.hungry()
    assert carriers.collect(stopping=True) == []
    carriers.close()


SLOWER = Outcome("deferred", "454 Throttling failure: Maximum sending rate exceeded.", "smtp://x:25", too_fast=True)
SHUT_OUT = Outcome("deferred", "535 5.7.8 no", "smtp://x:25", unreachable=True, shut_out=True)
AWAY = Outcome("deferred", "421 4.3.2 bye", "smtp://x:25", unreachable=True)
SERVED = Outcome("delivered", "250 OK", "smtp://x:25")


@pytest.fixture
def crew(settings: Settings) -> Iterator[Carriers]:
    """Two workers who have served already, both under way."""
    (destination,) = list_destinations(settings)
    found = Carriers(destination, replace(settings, relay=replace(settings.relay, concurrency=2)), lambda: None)
    found.was_away = False
    found.busy = dict.fromkeys(found.idle, time.monotonic())
    found.idle = []
    yield found
    found.close()


def batch() -> DeliveryBatch:
    envelope = Envelope(1, utcnow(), "ruth@company.example", ("anna@customer.example",), "192.0.2.7", "mail.company.example")
    return DeliveryBatch((Claim(1, 1, 1, "anna@customer.example", "ruth@company.example", "", envelope, Authentication(""), b""),))


def test_a_limit_of_speed_gives_all_a_pause_and_one_a_rest(crew: Carriers) -> None:
    first, second = crew.busy
    crew.note(batch(), [SLOWER], first, 0.1)
    assert 0 < crew.away_for() <= crews.FIRST_PAUSE * 1.2
    assert list(crew.resting) == [first]
    assert [outcome for _, outcome in crew.collect(stopping=False)] == [SLOWER]  # its own time to come again, not the others'
    crew.note(batch(), [SERVED], second, 0.1)  # it had set out before
    assert crew.away_for() > 0
    crew.too_fast_at -= 1
    crew.note(batch(), [SERVED], second, 0.1)  # it set out since
    assert crew.away_for() == 0.0


def test_the_last_worker_never_rests_for_a_limit_of_speed_but_waits_longer_each_time(crew: Carriers) -> None:
    first, second = crew.busy
    del crew.busy[second]
    for number in range(4):
        crew.away_until = 0.0
        crew.note(batch(), [SLOWER], first, 0.1)
        assert 0.7 * 2**number < crew.away_for() <= 1.2 * 2**number
    assert crew.resting == {}


@pytest.mark.parametrize(("outcome", "least"), [(AWAY, crews.RESTS), (SHUT_OUT, crews.LONGEST_AWAY)])
def test_a_password_that_is_refused_rests_longer_than_a_connection_too_many(crew: Carriers, outcome: Outcome, least: float) -> None:
    first, _ = crew.busy
    crew.note(batch(), [outcome], first, 0.1)
    assert crew.resting[first] - time.monotonic() > least - 1
    assert [one.kind for _, one in crew.collect(stopping=False)] == ["untried"]  # the other one may take it
    assert crew.away_for() == 0.0


def test_two_who_are_refused_at_once_do_not_both_rest(crew: Carriers) -> None:
    first, second = crew.busy
    crew.note(batch(), [SHUT_OUT], first, 0.1)
    crew.note(batch(), [SHUT_OUT], second, 0.1)  # the first one has not stopped yet
    assert list(crew.resting) == [first]
    assert crew.away_for() > 0.7 * crews.LONGEST_AWAY


def test_whose_rest_is_over_before_it_has_stopped_is_not_woken_twice(crew: Carriers) -> None:
    first, _ = crew.busy
    assert crew.note(batch(), [AWAY], first, 0.1)
    crew.resting[first] = 0.0  # the process stood still meanwhile
    crew.set_out()
    assert crew.idle == []
    assert crew.next_batch(first) is None
    crew.set_out()
    assert crew.idle == [first]


def test_a_password_is_not_tried_again_as_soon_as_a_limit_of_speed(crew: Carriers) -> None:
    first, second = crew.busy
    crew.note(batch(), [SLOWER], first, 0.1)
    crew.note(batch(), [SHUT_OUT], second, 0.1)
    assert crew.away_for() > 0.7 * crews.LONGEST_AWAY


@pytest.mark.parametrize(("outcome", "least"), [(AWAY, crews.FIRST_PAUSE), (SHUT_OUT, crews.LONGEST_AWAY)])
def test_nobody_asks_soon_whether_a_wrong_password_is_right_by_now(crew: Carriers, outcome: Outcome, least: float) -> None:
    first, second = crew.busy
    del crew.busy[second]
    crew.note(batch(), [outcome], first, 0.1)
    assert 0.7 * least < crew.away_for() <= 1.2 * least
    assert [one for _, one in crew.collect(stopping=False)] == [outcome]
