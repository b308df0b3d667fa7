"""What one client may take: passwords that it guesses."""

from mta.limits import GUESSES_COUNT, MOST_GUESSES, Guesses


def test_who_guesses_waits_until_it_is_long_ago_and_nobody_else_does() -> None:
    guesses = Guesses()
    for number in range(MOST_GUESSES):
        assert not guesses.are_too_many("2001:db8::1", number)
        guesses.note(f"2001:db8::{number:x}", number)
    assert guesses.are_too_many("2001:db8::ffff", MOST_GUESSES)  # it owns all addresses in its /64
    assert not guesses.are_too_many("2001:db8:0:1::1", MOST_GUESSES)
    assert guesses.are_too_many("2001:db8::1", GUESSES_COUNT - 1)
    assert not guesses.are_too_many("2001:db8::1", GUESSES_COUNT)


def test_of_guesses_of_long_ago_nothing_is_kept() -> None:
    guesses = Guesses()
    for number in range(1000):
        guesses.note(f"192.0.{number // 250}.{number % 250}", 0)
    for number in range(600):
        guesses.note("198.51.100.1", GUESSES_COUNT + number)
    assert list(guesses.wrong) == ["198.51.100.1"]
