"""Number of modules entered by one click, or by one incoming message: bounded by the best value reached."""

from bench import modules

REACHED = {"one release click": 32, "one message from spool to row": 118}  # decision 65


def test_a_click_and_a_message_enter_few_modules() -> None:
    entered = modules.count_modules()
    assert {way: len(found) for way, found in entered.items() if len(found) > REACHED[way]} == {}, entered
