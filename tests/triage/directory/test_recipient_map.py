"""Recipient map: recipients, blocked senders, and its file."""

import pytest

from triage.addressing.envelope import Address, ancestor_domains
from triage.directory.recipient_map import RecipientMap

RECIPIENT_MAP = RecipientMap(
    domains=frozenset({"company.example"}),
    recipients=frozenset({"info@company.example"}),
    sub_addressed=frozenset({"anna@company.example", "it+anna@company.example", "bo+x@company.example"}),
    left=frozenset({"anna+lena@company.example", "bo@company.example"}),
    closed=frozenset({"all@company.example", "anna+all@company.example"}),
    blocked=frozenset({"mallory@stranger.example", "blocked.example"}),
    blocked_unsigned=frozenset({"silent.example"}),
)


@pytest.mark.parametrize(
    ("recipient", "admitted"),
    [
        ("Anna@COMPANY.example", True),
        ("anna+shop@company.example", True),
        ("anna+shop+2026@company.example", True),
        ("it+anna@company.example", True),
        ("it+anna+shop@company.example", True),
        ("bo+x@company.example", True),
        ("bo+x+y@company.example", True),
        ("info@company.example", True),
        ("Postmaster@company.example", True),
        ("abuse@company.example", True),
        ("bo@company.example", False),
        ("all@company.example", False),
        ("all+x@company.example", False),
        ("anna+all@company.example", False),
        ("anna+all+x@company.example", False),
        ("anna+lena@company.example", False),
        ("anna+lena+shop@company.example", False),
        ("bo+y@company.example", False),
        ("anna+@company.example", False),
        ("+anna@company.example", False),
        ("anna-shop@company.example", False),
        ("info+2026@company.example", False),
        ("anna+x%elsewhere.example@company.example", False),
        ("anna+elsewhere.example!x@company.example", False),
        ("anna@x.example", False),
        ("anna+shop@x.example", False),
        ("abuse@x.example", False),
    ],
)
def test_recipients(recipient: str, admitted: bool) -> None:
    assert RECIPIENT_MAP.admits(Address.parse(recipient)) == admitted


@pytest.mark.parametrize(
    ("recipient", "closed"),
    [("ALL@company.example", True), ("all+x@company.example", True), ("anna+all@company.example", True), ("anna@company.example", False)],
)
def test_groups_that_take_mail_from_inside_only(recipient: str, closed: bool) -> None:
    assert RECIPIENT_MAP.is_closed(Address.parse(recipient)) == closed


@pytest.mark.parametrize(
    ("sender", "signers", "refused"),
    [
        ("mallory@stranger.example", set(), True),
        ("mallory@stranger.example", {"stranger.example"}, True),
        ("ruth@stranger.example", set(), False),
        ("a@blocked.example", set(), True),
        ("a@mail.blocked.example", set(), True),
        ("a@notblocked.example", set(), False),
        ("a@blocked.example.org", set(), False),
        ("a@silent.example", set(), True),
        ("a@mail.silent.example", set(), True),
        ("a@silent.example", {"silent.example"}, False),
        ("a@mail.silent.example", {"silent.example"}, False),
        ("a@silent.example", {"mail.silent.example"}, True),
        ("a@silent.example", {"other.example"}, True),
    ],
)
def test_blocked_authors(sender: str, signers: set[str], refused: bool) -> None:
    assert RECIPIENT_MAP.refuses(Address.parse(sender), frozenset(signers)) == refused


def test_a_reverse_path_is_refused_only_when_exactly_it_is_blocked() -> None:
    assert RECIPIENT_MAP.refuses_reverse_path(Address.parse("mallory@stranger.example"))
    assert not RECIPIENT_MAP.refuses_reverse_path(Address.parse("a@blocked.example"))  # it may carry a message of somebody who is allowed
    assert not RECIPIENT_MAP.refuses_reverse_path(Address.parse("a@silent.example"))


@pytest.mark.parametrize(
    ("recipient", "open_to_all"),
    [
        ("postmaster@company.example", True),
        ("ABUSE@company.example", True),
        ("postmaster@x.example", False),
        ("anna@company.example", False),
    ],
)
def test_postmaster_and_abuse_take_mail_from_anybody(recipient: str, open_to_all: bool) -> None:
    assert RECIPIENT_MAP.takes_from_anybody(Address.parse(recipient)) == open_to_all


def test_ancestors_leave_the_top_level_out() -> None:
    assert ancestor_domains("a.b.example") == ["a.b.example", "b.example"]
    assert ancestor_domains("example") == ["example"]
