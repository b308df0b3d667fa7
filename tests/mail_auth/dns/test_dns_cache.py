"""The cache: as long as owners say, within bounds of time and memory; failures for a moment."""

import sys
import time

import pytest

from mail_auth.dns import dns_cache
from mail_auth.dns.query_budget import Record, Temporary

KEYS = [("a.example", "TXT"), ("b.example", "TXT"), ("c.example", "TXT")]


def test_it_forgets_what_expired_and_what_is_too_much() -> None:
    kept = dns_cache.Cache(entries=2)
    for key in KEYS:
        kept.put(key, ("192.0.2.1",), 60)
    assert [kept.get(key) for key in KEYS] == [None, ("192.0.2.1",), ("192.0.2.1",)]
    kept.known[KEYS[1]] = dns_cache.Entry(time.monotonic() - 1, ("192.0.2.1",))
    assert kept.get(KEYS[1]) is None


def test_what_was_used_last_stays() -> None:
    kept = dns_cache.Cache(entries=2)
    kept.put(KEYS[0], ("1",), 60)
    kept.put(KEYS[1], ("2",), 60)
    kept.get(KEYS[0])
    kept.put(KEYS[2], ("3",), 60)
    assert [kept.get(key) for key in KEYS] == [("1",), None, ("3",)]


def test_large_answers_do_not_take_all_memory() -> None:
    kept = dns_cache.Cache(most_bytes=100_000)
    for number in range(100):
        for key in KEYS:
            kept.put(key, (b"x" * 40_000,), 60 + number)
            assert kept.bytes == sum(entry.size for entry in kept.known.values()) <= 100_000
    assert len(kept.known) == 2
    kept.put(KEYS[0], (b"x" * 200_000,), 60)
    assert (kept.bytes, len(kept.known)) == (0, 0)


@pytest.mark.parametrize("records", [tuple(b"%04d" % number for number in range(4000)), tuple(f"10 {number}" for number in range(400)), ()])
def test_small_records_count_with_the_memory_that_they_take(records: tuple[Record, ...]) -> None:
    taken = sys.getsizeof(records) + sum(map(sys.getsizeof, records))
    assert taken <= dns_cache.Entry(0, records).size <= 2 * taken + dns_cache.OVERHEAD
    kept = dns_cache.Cache(most_bytes=taken)
    for key in KEYS:
        kept.put(key, records, 60)
    assert len(kept.known) <= 1


@pytest.mark.parametrize(
    ("records", "ttl", "least", "most"),
    [
        (("x",), 0, 9, 10),
        (("x",), 100, 99, 100),
        (("x",), 10_000_000, 3599, 3600),
        ((), 0, 9, 10),
        ((), 60, 59, 60),
        ((), 86_400, 299, 300),
    ],
)
def test_times_have_bounds(records: tuple[str, ...], ttl: int, least: int, most: int) -> None:
    kept = dns_cache.Cache()
    kept.put(KEYS[0], records, ttl)
    assert least <= kept.known[KEYS[0]].expires - time.monotonic() <= most


def test_failures_are_remembered_ever_longer_and_forgotten_with_the_first_answer() -> None:
    kept, seconds = dns_cache.Cache(), []
    for _ in range(6):
        kept.fail(KEYS[0], "silent")
        seconds.append(kept.known[KEYS[0]].seconds)
        with pytest.raises(Temporary, match="silent"):
            kept.get(KEYS[0])
    assert seconds == [5, 10, 20, 40, 60, 60]
    kept.put(KEYS[0], ("x",), 60)
    assert kept.get(KEYS[0]) == ("x",)
    kept.fail(KEYS[0], "silent again")
    assert kept.known[KEYS[0]].seconds == 5
