"""Traits of messages: what makes two of them related."""

import pytest

from triage.message.summary import Attachment, Link, Summary
from triage.quarantine.campaigns.traits import Kind, kind_of, trait_number, traits_of

PLAIN = Summary(subject="Hi")


@pytest.mark.parametrize(
    ("summary", "client", "kind"),
    [
        (Summary(subject="Your password expires in 3 days"), "", Kind.SUBJECT),
        (Summary(links=(Link("here", "https://www.evil.example/x"),)), "", Kind.LINK),
        (PLAIN, "93.184.216.34", Kind.NETWORK),
        (Summary(skeleton="0123456789abcdef"), "", Kind.SKELETON),
        (Summary(links=(Link("here", "https://ida.github.io/x"),)), "", Kind.HOST),
        (Summary(message_id="20261130.4711@mx.evil.example"), "", Kind.MESSAGE_ID),
        (Summary(mailer="Bulk Sender 4.1"), "", Kind.MAILER),
        (Summary(attachments=(Attachment(1, "bill.pdf", "application/pdf", 90, "ab"),)), "", Kind.ATTACHMENTS),
    ],
    ids=lambda value: value.word if isinstance(value, Kind) else "",
)
def test_each_kind_of_trait(summary: Summary, client: str, kind: Kind) -> None:
    assert [kind_of(one) for one in traits_of(summary, client, (), ())] == [kind]


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (Summary(subject="Your password expires in 3 days"), Summary(subject="YOUR password expires in 14 Days"), True),
        (Summary(subject="Your password expires"), Summary(subject="Your password is fine"), False),
        (Summary(links=(Link("a", "https://a.evil.example"),)), Summary(links=(Link("b", "http://b.evil.example/y"),)), True),
        (PLAIN, PLAIN, False),  # two letters say nothing
    ],
)
def test_what_two_messages_share(one: Summary, other: Summary, shared: bool) -> None:
    assert bool(traits_of(one, "", (), ()) & traits_of(other, "", (), ())) is shared


def test_links_to_ourselves_say_nothing() -> None:
    assert traits_of(Summary(links=(Link("us", "https://www.company.example"),)), "", (), ("company.example",)) == set()


def test_signatures_of_others_than_free_mail_providers_are_traits() -> None:
    assert {kind_of(one) for one in traits_of(PLAIN, "", ("evil.example", "webmail.example"), ("webmail.example",))} == {Kind.SIGNATURE}


def test_a_link_has_its_domain_and_its_host() -> None:
    found = traits_of(Summary(links=(Link("here", "https://a.b.evil.example/x"),)), "", (), ())
    assert found == {trait_number(Kind.LINK, "evil.example"), trait_number(Kind.HOST, "a.b.evil.example")}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Summary(message_id="ab12.99@a.example"), Summary(message_id="9f3c.07@b.example"), True),
        (Summary(message_id="ab12.99@a.example"), Summary(message_id="ab12-99@a.example"), False),
        (Summary(mailer="Bulk 4.1"), Summary(mailer="bulk 5.0"), True),
    ],
)
def test_shapes_leave_out_what_differs_from_copy_to_copy(one: Summary, other: Summary, same: bool) -> None:
    assert (traits_of(one, "", (), ()) == traits_of(other, "", (), ())) is same


def test_a_number_holds_its_kind_and_fits_a_database() -> None:
    for kind in Kind:
        assert kind_of(trait_number(kind, "x")) is kind
        assert 0 <= trait_number(kind, "x") < 2**63
