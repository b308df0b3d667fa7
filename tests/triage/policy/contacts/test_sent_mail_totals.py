"""Messages put together teach what they teach one by one."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from triage.policy.contacts.contact_evidence import Reason, Sent
from triage.policy.contacts.sent_mail_totals import ContactTotals, Gathered, gather_mail, join_totals
from triage.times import to_micros

JOE, MARA = "joe@company.example", "mara@company.example"
DAY = datetime(2026, 11, 24, tzinfo=UTC)


def mail(sender: str, author: str, to: tuple[str, ...], day: int, number: int, why_not: Reason | None) -> Sent:
    """Some mail."""
    return Sent(sender, to, author, DAY + timedelta(days=day), f"{number}", f"d{number}", why_not=why_not)


MESSAGES = st.builds(
    mail,
    st.sampled_from([JOE, MARA]),
    st.sampled_from([JOE, MARA, ""]),
    st.lists(st.sampled_from(["ann@a.example", "Ann@A.example", "bob@b.example", ""]), max_size=4).map(tuple),
    st.integers(0, 3),
    st.integers(0, 99),
    st.sampled_from([None, None, Reason.AUTOMATIC]),
)


def one_by_one(messages: list[Sent]) -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """Number, first and last time of the messages to each recipient."""
    found: dict[tuple[str, str, str], tuple[int, int, int]] = {}
    for mail in messages:
        at = to_micros(mail.at)
        for to in {one.casefold() for one in mail.recipients if not mail.why_not}:
            count, first, last = found.get((mail.sender, mail.author, to), (0, at, at))
            found[mail.sender, mail.author, to] = count + 1, min(first, at), max(last, at)
    return found


@given(st.lists(MESSAGES, max_size=20))
def test_each_recipient_is_there_once_with_all_that_went_there(messages: list[Sent]) -> None:
    found = gather_mail(messages)
    contacts = [(*whose, one) for whose, theirs in found.contacts.items() for one in theirs]
    assert {(sender, author, one.recipient): (one.sent, one.first, one.last) for sender, author, one in contacts} == one_by_one(messages)
    last = {(mail.message_id, mail.subject_digest, to_micros(mail.at)) for mail in messages}
    assert {(one.message_id, one.subject_digest, one.last) for _, _, one in contacts} <= last
    assert (found.messages, found.recipients) == (len(messages), sum(len(mail.recipients) for mail in messages))
    assert found.why_not.total() + found.authors.total() == len(messages)
    assert found.without.total() == sum(not mail.recipients and not mail.why_not for mail in messages)


def test_the_last_mail_is_the_one_that_is_shown() -> None:
    messages = [Sent(JOE, ("ann@a.example",), JOE, DAY + timedelta(days=day), f"{day}", f"d{day}") for day in (1, 3, 2)]
    first, last = to_micros(DAY + timedelta(days=1)), to_micros(DAY + timedelta(days=3))
    assert gather_mail(messages).contacts == {(JOE, JOE): [ContactTotals("ann@a.example", 3, first, last, "3", "d3")]}


def sent(found: Gathered) -> dict[tuple[str, str], int]:
    """Number of messages that each author sent."""
    return {whose: sum(contact.sent for contact in contacts) for whose, contacts in found.contacts.items()}


@given(st.lists(MESSAGES, max_size=9), st.lists(MESSAGES, max_size=9))
def test_what_several_gathered_is_what_one_would_have(one: list[Sent], other: list[Sent]) -> None:
    both, all_of_it = join_totals([gather_mail(one), gather_mail(other)]), gather_mail(one + other)
    assert sent(both) == sent(all_of_it)
    assert (both.messages, both.recipients, both.why_not) == (all_of_it.messages, all_of_it.recipients, all_of_it.why_not)
    assert (both.authors, both.without) == (all_of_it.authors, all_of_it.without)
