"""How many modules somebody reads who follows one click, or one message on its way in: not more than it took to bring them down to that."""

from bench import modules

REACHED = {"one release click": 27, "one message from spool to row": 111}  # decision 65


def test_a_click_and_a_message_enter_few_modules() -> None:
    entered = modules.count_modules()
    assert {way: len(found) for way, found in entered.items() if len(found) > REACHED[way]} == {}, entered
