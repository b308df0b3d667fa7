"""Limit on wrong passwords of one client."""

from mta.peer.client_limits import GUESSES_COUNT, Guesses


def test_who_guesses_waits_until_it_is_long_ago_and_nobody_else_does() -> None:
    guesses = Guesses(3)
    for number in range(3):
        assert not guesses.are_too_many("192.0.2.1", number)
        guesses.note("192.0.2.1", number)
    assert guesses.are_too_many("192.0.2.1", 3)
    assert not guesses.are_too_many("192.0.2.2", 3)
    assert guesses.are_too_many("192.0.2.1", GUESSES_COUNT - 1)
    assert not guesses.are_too_many("192.0.2.1", GUESSES_COUNT)


def test_of_guesses_of_long_ago_nothing_is_kept() -> None:
    guesses = Guesses(3)
    for number in range(1000):
        guesses.note(f"192.0.{number // 250}.{number % 250}", 0)
    for number in range(600):
        guesses.note("198.51.100.1", GUESSES_COUNT + number)
    assert list(guesses.wrong) == ["198.51.100.1"]
