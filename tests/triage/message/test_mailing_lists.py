"""Posts of lists that put themselves in the author's place: how such lists write, and what only looks like it."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.triage.messages import from_archive, mail
from triage.message.mailing_lists import Rewritten, rewritten_author, shown_author, shown_name
from triage.message.summary import Summary, make_summary

DEV = "List-Id: Developers <dev.lists.example>\n"
MAILMAN = f"{DEV}From: Anna Roth via Dev <dev@lists.example>\nReply-To: Anna Roth <anna@sender.example>"
GOOGLE = (
    "List-ID: <team.groups.example>\nFrom: \"'Anna Roth' via Team\" <team@groups.example>\n"
    "X-Original-From: Anna Roth <anna@sender.example>\nReply-To: Anna Roth <anna@sender.example>"
)
GROUPS_IO = 'List-Id: <main.dev.groups.example>\nFrom: "Anna Roth via groups.io" <anna=sender.example@groups.example>'
SYMPA = f'{DEV}From: "Anna Roth (via dev Mailing List)" <dev@lists.example>\nReply-To: dev@lists.example'
PLAIN = f"{DEV}From: Anna Roth <dev@lists.example>\nReply-To: anna@sender.example"
BLANK = (
    f"{DEV}List-Post: <mailto:dev@lists.example>\nFrom: =?utf-8?q?=C2=A0_via_Developers?= <dev@lists.example>\nReply-To: dev@lists.example"
)
ENDLESS = f"{DEV}From: {'A' * 500} via Dev <dev@lists.example>\nReply-To: dev@lists.example"
BEHIND = "anna@sender.example", "dev.lists.example"
NAMELESS = f"{DEV}From: dev@lists.example\nX-Original-From: anna@sender.example"


def read(head: str) -> Summary:
    return make_summary(mail(head, "hello\n"))


@pytest.mark.parametrize(
    ("head", "name", "address", "list_id"),
    [
        (MAILMAN, "Anna Roth", "anna@sender.example", "dev.lists.example"),
        (GOOGLE, "Anna Roth", "anna@sender.example", "team.groups.example"),
        (GROUPS_IO, "Anna Roth", "", "main.dev.groups.example"),
        (SYMPA, "Anna Roth", "", "dev.lists.example"),
        (PLAIN, "Anna Roth", "anna@sender.example", "dev.lists.example"),
        (NAMELESS, "", "anna@sender.example", "dev.lists.example"),
        (BLANK, "", "", "dev.lists.example"),
        (BLANK.replace("List-Post: <mailto:dev@lists.example>", "X-Original-From: Anna Roth <anna@sender.example>"), "Anna Roth", *BEHIND),
        (ENDLESS, "A" * 500, "", "dev.lists.example"),
        (MAILMAN.replace("Anna Roth via", "=?utf-8?q?J=C3=B6rg?= VIA"), "Jörg", "anna@sender.example", "dev.lists.example"),
    ],
)
def test_how_lists_tell_who_wrote_it(head: str, name: str, address: str, list_id: str) -> None:
    assert rewritten_author(read(head)) == Rewritten(name, address, list_id)


@pytest.mark.parametrize(
    "head",
    [
        "From: Anna Roth <anna@sender.example>",
        f"{DEV}From: Anna Roth <anna@sender.example>",  # a list that leaves the author in place
        f"{DEV}From: Anna Roth via Dev <anna@evil.example>",  # not the list's address
        f"{DEV}From: Dev <dev@lists.example>",  # the list speaks for itself
        f"{DEV}From: Dev owner <dev-owner@lists.example>\nReply-To: postmaster@hoster.example",
        f"{DEV}From: Dev <dev@lists.example>\nReply-To: dev-request@lists.example",
        f"{DEV}From: Dev <dev@lists.example>\nReply-To: a@one.example, b@two.example",
        "List-Id: <1a2b.shop.example>\nFrom: Shop <news@shop.example>\nReply-To: help@desk.example",  # a newsletter
        "From: Anna via Dev <dev@lists.example>\nReply-To: anna@sender.example",  # no list at all
        "List-Id: <news.trains.example>\nFrom: Via Ferrata <hello@trains.example>",  # whose name begins so
        f"{DEV}From: Anna via Dev <dev@lists.example>, b@lists.example",
    ],
)
def test_what_is_no_such_post(head: str) -> None:
    assert rewritten_author(read(head)) is None


@pytest.mark.parametrize(
    ("head", "author", "name"),
    [
        (MAILMAN, "Anna Roth via dev.lists.example", "Anna Roth via Dev"),
        (PLAIN, "Anna Roth via dev.lists.example", "Anna Roth via dev.lists.example"),
        (BLANK, "somebody via dev.lists.example", "via Developers"),
        (NAMELESS, "anna@sender.example via dev.lists.example", "anna@sender.example via dev.lists.example"),
        ("From: Anna Roth <anna@sender.example>", "anna@sender.example", "Anna Roth"),
    ],
)
def test_how_the_author_is_shown(head: str, author: str, name: str) -> None:
    assert (shown_author(read(head)), shown_name(read(head))) == (author, name)


def test_no_name_takes_long() -> None:
    assert rewritten_author(
        Summary(author="d@lists.example", author_name=" via" * 100_000, list_id="d.lists.example", original_from="a@b.example")
    )


@pytest.mark.corpus
def test_real_lists_that_leave_the_author_in_place_are_not_taken_for_others(corpus: Path) -> None:
    posts = [summary for _, raw in from_archive(corpus, "mail-other") if (summary := make_summary(raw, headers_only=True)).list_id]
    assert len(posts) > 100
    assert [post.author for post in posts if rewritten_author(post)] == []


def test_no_charset_hides_that_a_list_stands_for_somebody() -> None:
    hidden = replace(read(MAILMAN.partition("\nReply-To")[0]), author_name="会議", author_name_as_sent="\\x1b$B2q5D via Dev")
    assert rewritten_author(hidden) is not None
    assert rewritten_author(replace(hidden, author_name_as_sent="")) is None
