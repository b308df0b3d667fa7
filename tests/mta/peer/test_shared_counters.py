"""Counters that several processes share."""

import os

from mta.peer.shared_counters import CELLS, HALF, Tally, cells_of


def in_a_process_of_row(tally: Tally, row: int, *names: str) -> None:
    """Count a connection and a message of each, in a forked process that stays there until it is waited for."""
    tally.open_row(row)
    child = os.fork()
    if not child:
        tally.take_row(row)
        for name in names:
            tally.came(name)
            tally.sent(name, 7)
        os._exit(0)
    os.waitpid(child, 0)


def test_processes_count_together_and_a_row_that_ended_counts_no_more() -> None:
    tally = Tally()
    tally.came("a")
    in_a_process_of_row(tally, 1, "a", "b", "")
    in_a_process_of_row(tally, 5, "a")
    assert (tally.connections("a"), tally.connections("b"), tally.connections("c"), tally.connections()) == (3, 1, 0, 5)
    assert (tally.sent("a", 7), tally.sent("a", 8)) == (3, 1)
    tally.clear(1)
    assert (tally.connections("a"), tally.connections("b"), tally.connections()) == (2, 0, 2)
    tally.came("a", -1)
    assert (tally.connections("a"), tally.connections()) == (1, 1)


def test_only_who_forks_the_others_says_which_rows_count() -> None:
    tally = Tally()
    tally.open_row(3)
    tally.take_row(5)
    assert tally.words[0] == 4


def test_who_shares_one_cell_with_a_flood_is_no_flood() -> None:
    tally = Tally()
    flood = cells_of("flood")
    sharers = [one for one in (f"192.0.2.{number}" for number in range(100_000)) if len({*cells_of(one), *flood}) == 3]
    assert {cells_of(one)[0] == flood[0] for one in sharers} == {True, False}
    tally.came("flood", 50)
    assert {tally.connections(one) for one in sharers} == {0}
    assert all(first < HALF <= second < CELLS for first, second in map(cells_of, sharers))


def test_many_clients_of_a_minute_are_told_apart() -> None:
    tally = Tally()
    counts = [tally.sent(f"192.0.2.{number}", 1) for number in range(256)]
    assert sum(count > 1 for count in counts) <= 2
    tally.sent("192.0.2.1", 2)
    assert tally.sent("192.0.2.1", 2) >= 2
