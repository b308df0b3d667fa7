"""All signals together: of ordinary mail, of any text, of real mail."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tests.triage.message.signals.seeing import NOW, OURS, PEOPLE, named, seen
from tests.triage.messages import from_archive, html_mail
from tests.triage.text.test_sanitize import harmful
from triage.message.authentication import Authentication, Dmarc, Result
from triage.message.signals.find_signals import find_signals
from triage.message.signals.signal_context import Met, Seen, Signal, sum_weights
from triage.message.summary import Link, Summary, make_summary


def test_ordinary_mail_of_a_proven_sender_says_nothing() -> None:
    assert seen(subject="Offer", text="Please find our offer below.", date="Tue, 24 Nov 2026 09:00:00 +0000") == {}


NAMES = st.sampled_from(["Joe Fern", "mara.berg@company.example", "Jоe Fern"])
DOMAINS = st.sampled_from(["company-example.test", "c0mpany.example", "compаny.example"])
TEXTS = st.sampled_from(["Your password expires in 2 hours.", "Buy gift cards at once, and tell nobody.", "https://bank.example/"])
TARGETS = st.sampled_from(["https://evil.test/login", "http://192.0.2.1/", "https://bank.example@evil.test"])


@given(NAMES | st.text(max_size=60), DOMAINS | st.text(max_size=60), TEXTS | st.text(max_size=200), TARGETS | st.text(max_size=60))
def test_any_text(name: str, domain: str, text: str, target: str) -> None:
    found = seen(author_name=name, author=f"a@{domain}", authors=(f"a@{domain}",), text=text, subject=name, links=(Link(text, target),))
    assert all(sentence.strip() for sentence in found.values())


def test_long_text_is_read_in_bounded_time() -> None:
    for piece in (
        "verification ",
        "1234 ",
        "expires in ",
        "valid for ",
        "A1",
        "in 5 ",
        "-",
        "5 minutes ",
        "bank details ",
        "urgent ",
        "konto ",
        "your ",
    ):
        assert seen(text=piece * 20_000, subject=piece * 80) is not None


def test_weights_order_and_add_up_to_a_hundred_at_most() -> None:
    summary = Summary(parsed=True, author="", authors=("rosa@company.example",), attachments=named("a.pdf.exe"), subject="\\u202e")
    found = find_signals(Seen(summary, Authentication(""), NOW, OURS, PEOPLE))
    assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)
    assert sum_weights(found) == 100
    assert sum_weights(()) == 0
    assert sum_weights([Signal("a", "A.", 10), Signal("b", "B.", 25)]) == 35


def test_signals_of_a_whole_message() -> None:
    summary = make_summary(html_mail("<a href='https://evil.test/'>https://bank.example</a>"))
    found = find_signals(Seen(summary, Authentication(summary.author), NOW, OURS, PEOPLE, Met()))
    assert [one.name for one in found] == ["link-differs", "unproven", "first-contact", "links-elsewhere"]
    assert found[0].sentence == "A link: Link text and target differ: shows bank.example, opens evil.test."
    assert found[0].evidence == ("https://evil.test/",)


@pytest.mark.corpus
def test_wanted_mail_is_left_alone_and_phishing_is_not(corpus: Path) -> None:
    told: dict[str, list[int]] = {"ham": [], "phish": []}
    for archive, folder, kind in (("mail-other", "/ham/", "ham"), ("mail-phish", "/phish/", "phish")):
        for name, raw in from_archive(corpus, archive):
            if folder in name:
                summary = make_summary(raw)
                proven = Authentication(summary.author, dmarc=Dmarc(Result.PASS))
                found = find_signals(Seen(summary, proven, NOW, OURS, PEOPLE))
                assert all(harmful(one.sentence) == [] for one in found), name
                assert all(harmful(piece) == [] for one in found for piece in one.evidence), name
                told[kind].append(sum_weights([one for one in found if one.name != "wrong-date"]))
    loud = {kind: sum(value >= 20 for value in values) / len(values) for kind, values in told.items()}
    assert loud["ham"] < 0.05
    assert loud["phish"] > 0.5
