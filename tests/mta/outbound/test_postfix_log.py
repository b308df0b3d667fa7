"""Contacts from Postfix's log: the recipients of each employee, once another server has accepted the message."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from mta.outbound.postfix_log import PostfixLog, parse_log_time

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LOG = """\
Nov 24 09:30:00 inner postfix/smtpd[1]: 4f1A2B3c: client=desk.company.example[192.0.2.7]
Nov 24 09:30:00 inner postfix/cleanup[2]: 4f1A2B3c: message-id=<1@company.example>
Nov 24 09:30:00 inner postfix/qmgr[3]: 4f1A2B3c: from=<joe.fern@company.example>, size=431, nrcpt=3 (queue active)
Nov 24 09:30:01 inner postfix/smtp[4]: 4f1A2B3c: to=<ann@supplier.example>, relay=mx[192.0.2.1]:25, dsn=2.0.0, status=sent (250 OK)
Nov 24 09:30:01 inner postfix/smtp[4]: 4f1A2B3c: to=<bob@other.example>, relay=mx[192.0.2.1]:25, dsn=5.1.1, status=bounced (550 status=sent)
Nov 24 09:30:02 inner postfix/lmtp[5]: 4f1A2B3c: to=<mara.berg@company.example>, relay=store, dsn=2.0.0, status=sent (250 OK)
Nov 24 09:30:02 inner postfix/qmgr[3]: 4f1A2B3c: removed
""".splitlines()


def test_a_mail_is_told_when_it_is_over() -> None:
    log = PostfixLog()
    told = [mail for line in LOG if (mail := log.feed(line, NOW))]
    assert [(one.sender, one.message_id, one.recipients, one.at) for one in told] == [
        ("joe.fern@company.example", "1@company.example", ["ann@supplier.example"], datetime(2026, 11, 24, 9, 30, 1, tzinfo=UTC))
    ]
    assert not log.open


def test_iso_times_several_instances_and_null_senders() -> None:
    log, number = PostfixLog(), "4fXyZ"
    lines = [
        f"2026-11-24T09:30:00.123456+01:00 inner postfix-out/submission/qmgr[3]: {number}: from=<>, size=1, nrcpt=1 (queue active)",
        f"2026-11-24T09:30:00.5+01:00 inner postfix/out/smtp[3]: {number}: to=<a@b.example>, relay=x, status=sent (250 ok)",
        f"2026-11-24T09:30:01+01:00 inner postfix/qmgr[3]: {number}: removed",
    ]
    assert [log.feed(line, NOW) for line in lines][-1] is None  # its sender was never told: postfix-out is another program
    lines[0] = lines[0].replace("postfix-out/submission", "postfix/submission")
    mail = [log.feed(line, NOW) for line in lines][-1]
    assert mail is not None
    assert (mail.sender, mail.at) == ("", datetime.fromisoformat("2026-11-24T09:30:00.5+01:00"))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Nov 24 09:30:01", datetime(2026, 11, 24, 9, 30, 1, tzinfo=UTC)),
        ("Dec  3 09:30:01", datetime(2025, 12, 3, 9, 30, 1, tzinfo=UTC)),
        ("Nov 24 13:30:01", NOW),  # a clock that is ahead, or another time zone
        ("2026-11-24T09:30:01", datetime(2026, 11, 24, 9, 30, 1, tzinfo=UTC)),
        ("yesterday", NOW),
        ("Feb 30 10:00:00", NOW),
    ],
)
def test_the_time_of_a_line(text: str, read: datetime) -> None:
    assert parse_log_time(text, NOW) == read


def test_a_leap_day_that_is_yet_to_come_is_no_time() -> None:
    january = datetime(2028, 1, 5, tzinfo=UTC)
    assert parse_log_time("Feb 29 10:00:00", january) == january


ODD = st.from_regex(r"\ANov 24 09:30:00 x postfix/smtp\[1\]: 4f1A2B3c: .{0,80}")


@given(st.lists(st.one_of(st.text(max_size=200), st.sampled_from(LOG), ODD)))
def test_no_line_is_too_odd(lines: list[str]) -> None:
    log = PostfixLog()
    for line in lines:
        mail = log.feed(line, NOW)
        assert mail is None or mail.recipients
