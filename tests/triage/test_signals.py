"""What a trained eye wants to know, and what it does not want to be told."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.triage.mails import from_archive, html_mail
from tests.triage.test_visible import harmful
from triage.authentication import Authentication, Dmarc, Result, Spf
from triage.content import Attachment, Link, Summary, summarise
from triage.signals import Signal, distance, looks_like, perishable_minutes, plain_name, signals, weight

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
OURS = frozenset({"company.example"})
PEOPLE = {"rosa dahl": "rosa.dahl@company.example", "jörg müller": "joerg.mueller@company.example"}
PROVEN = Authentication("ann@sender.example", dmarc=Dmarc(Result.PASS, "sender.example"))


def seen(authentication: Authentication = PROVEN, *, first_contact: bool = False, **changes: Any) -> dict[str, str]:
    """Name and sentence of every signal about a message by ann@sender.example with these changes."""
    values: dict[str, Any] = {
        "parsed": True,
        "author_name": "Ann Lee",
        "author": "ann@sender.example",
        "authors": ("ann@sender.example",),
    }
    summary = Summary(**values | changes)
    found = signals(summary, authentication, own_domains=OURS, people=PEOPLE, first_contact=first_contact, now=NOW)
    return {signal.name: signal.sentence for signal in found}


def by(address: str, name: str = "") -> dict[str, Any]:
    """The fields of a summary by this author."""
    return {"author": address, "authors": (address,), "author_name": name}


def named(name: str) -> tuple[Attachment, ...]:
    """One attachment of this name."""
    return (Attachment(1, name, "application/octet-stream", 1, ""),)


def test_ordinary_mail_of_a_proven_sender_says_nothing() -> None:
    assert seen(subject="Offer", text="Please find our offer below.", date="Tue, 24 Nov 2026 09:00:00 +0000") == {}


def test_first_contact() -> None:
    assert seen(first_contact=True) == {"first-contact": "Nobody here has had mail from ann@sender.example before."}


@pytest.mark.parametrize(
    "name",
    [
        "Rosa Dahl",
        "ROSA  DAHL",
        "Dahl, Rosa",
        "Rosa Dahl (via Mail)",
        '"Rosa Dahl"',
        "Rоsa Dаhl",
        "R0sa Dah1",
        "Rósa Dahl",
        "Jorg Muller",
        "Jörg Müller",
    ],
)
def test_a_name_of_ours_with_a_foreign_address(name: str) -> None:
    assert "name-of-ours" in seen(author_name=name)


@pytest.mark.parametrize("name", ["", "Rosa", "Rosa Dahlberg", "Ann Lee", "Rosa Maria Dahl"])
def test_a_name_that_is_not_one_of_ours(name: str) -> None:
    assert "name-of-ours" not in seen(author_name=name)


def test_our_own_people_may_have_their_names() -> None:
    proven = Authentication("rosa.dahl@company.example", dmarc=Dmarc(Result.PASS))
    assert seen(proven, **by("rosa.dahl@company.example", "Rosa Dahl")) == {}


def test_a_new_directory_counts_at_once() -> None:
    summary = Summary(parsed=True, author_name="Max Weber", author="x@sender.example", authors=("x@sender.example",))

    def names(people: dict[str, str]) -> set[str]:
        return {one.name for one in signals(summary, PROVEN, own_domains=OURS, people=people, first_contact=False, now=NOW)}

    assert "name-of-ours" not in names({})
    assert "name-of-ours" in names({"max weber": "max@company.example"})
    assert "name-of-ours" not in names({"rosa dahl": "rosa@company.example"})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ceo@company.example", True),
        ("Bank <service@bank.example>", True),
        ("support@mail.sender.example", False),
        ("Ann @ Sender", False),
        ("Ann", False),
    ],
)
def test_an_address_in_the_name(name: str, said: bool) -> None:
    assert ("address-in-name" in seen(author_name=name)) is said


@pytest.mark.parametrize(
    ("domain", "like"),
    [
        ("cornpany.example", True),
        ("c0mpany.example", True),
        ("companny.example", True),
        ("comapny.example", True),
        ("kompany.test", True),
        ("com-pany.example", True),
        ("company.test", True),
        ("company-support.test", True),
        ("company.example.evil.test", True),
        ("xn--cmpany-wqf.example", True),
        ("company.example", False),
        ("mail.company.example", False),
        ("companion.test", False),
        ("sender.example", False),
        ("example", False),
        ("", False),
    ],
)
def test_look_alikes_of_our_domain(domain: str, like: bool) -> None:
    assert looks_like(domain, "company.example") is like
    if domain:
        assert ("look-alike-domain" in seen(**by(f"ann@{domain}"))) is like


@pytest.mark.parametrize(
    ("domain", "own", "like"),
    [
        ("dell.test", "bell.example", False),
        ("ibn.test", "ibm.example", False),
        ("northwinb.test", "northwind.example", True),
        ("north-wind.test", "northwind.example", True),
    ],
)
def test_short_names_are_alike_by_chance(domain: str, own: str, like: bool) -> None:
    assert looks_like(domain, own) is like


def test_a_look_alike_in_reply_to() -> None:
    assert "look-alike-domain" in seen(reply_to=("ann@c0mpany.example",))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reply_to": ("ann@other.example",)}, True),
        ({"reply_to": ("desk@mail.sender.example",)}, False),
        ({"reply_to": ("news@lists.example",), "list_id": "news.lists.example"}, False),
        ({"reply_to": ()}, False),
    ],
)
def test_reply_to_elsewhere(changes: dict[str, Any], said: bool) -> None:
    assert ("reply-elsewhere" in seen(**changes)) is said


@pytest.mark.parametrize(
    ("authentication", "name"),
    [
        (PROVEN, None),
        (Authentication("ann@sender.example", dmarc=Dmarc(Result.NONE, aligned=("spf",))), None),
        (Authentication("ann@sender.example", dmarc=Dmarc(Result.FAIL)), "authentication-failed"),
        (Authentication("ann@sender.example", dmarc=Dmarc(Result.TEMPERROR)), "proof-unknown"),
        (Authentication("ann@sender.example", spf=(Spf(Result.SOFTFAIL, "mailfrom", "sender.example"),)), "authentication-failed"),
        (Authentication("ann@sender.example"), "unproven"),
    ],
)
def test_what_authentication_found(authentication: Authentication, name: str | None) -> None:
    assert set(seen(authentication)) == ({name} if name else set())


def test_our_own_domain_without_proof() -> None:
    found = seen(Authentication("rosa.dahl@company.example", dmarc=Dmarc(Result.FAIL)), **by("rosa.dahl@company.example"))
    assert found["own-domain-forged"] == "It claims to come from us (rosa.dahl@company.example) and cannot prove it."
    found = seen(Authentication(""), author="", authors=("x@other.example", "it@mail.company.example"))
    assert {"own-domain-forged", "unclear-author"} <= set(found)


@pytest.mark.parametrize(
    ("link", "name"),
    [
        (Link("https://bank.example", "https://evil.test/"), "link-differs"),
        (Link("here", "https://bank.example@evil.test/"), "link-hides-host"),
        (Link("here", "http://192.0.2.1/"), "link-to-number"),
        (Link("here", "http://аррӏе.com/"), "link-foreign-letters"),
        (Link("here", "javascript:x"), "link-odd"),
        (Link("here", "https://sender.example/"), None),
    ],
)
def test_links(link: Link, name: str | None) -> None:
    assert set(seen(links=(link,))) == ({name} if name else set())


def test_many_links_of_one_kind_are_one_signal() -> None:
    many = tuple(Link("here", f"http://192.0.2.{number}/") for number in range(5))
    assert seen(links=many) == {"link-to-number": "A link: It opens a bare number (192.0.2.0) instead of a name. 4 more links are like it."}


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("invoice.pdf.exe", "attachment-disguised"),
        ("invoice.pdf   .scr", "attachment-disguised"),
        ("invoice.PDF.html", "attachment-disguised"),
        ("a\\u202efdp.exe", "attachment-disguised"),
        ("setup.exe", "attachment-runs"),
        ("setup.exe. ", "attachment-runs"),
        ("disk.ISO", "attachment-runs"),
        ("plan.xlsm", "attachment-macros"),
        ("page.html", "attachment-page"),
        ("drawing.svg", "attachment-page"),
        ("invoice.pdf", None),
        ("backup.txt.gz", None),
        ("letter.pdf.asc", None),
        ("v1.2.docx", None),
        ("", None),
    ],
)
def test_attachments(name: str, signal: str | None) -> None:
    assert set(seen(attachments=named(name))) == ({signal} if signal else set())


def test_hidden_characters_and_foreign_letters() -> None:
    assert set(seen(subject="Pay\\u200bpal")) == {"hidden-characters"}
    assert "foreign-letters" in seen(**by("a@xn--80ak6aa92e.com"))


def test_unreadable_and_unclear() -> None:
    assert set(seen(parsed=False)) == {"unreadable"}
    assert set(seen(author="", authors=())) == {"unclear-author"}


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("Tue, 24 Nov 2026 09:00:00 +0000", False),
        ("Tue, 10 Nov 2026 09:00:00", False),
        ("Fri, 24 Nov 2006 09:00:00 +0000", True),
        ("Thu, 24 Nov 2033 09:00:00 +0000", True),
        ("Tue, 99 Nov 2026 99:00:00 +9999", False),
        ("nonsense", False),
        ("", False),
    ],
)
def test_dates(date: str, said: bool) -> None:
    assert ("wrong-date" in seen(date=date)) is said


@pytest.mark.parametrize(
    ("subject", "text", "minutes"),
    [
        ("Your verification code", "Your code is 483 920.", 10),
        ("Sign-in code: 483920", "It expires in 15 minutes.", 15),
        ("Anmeldung", "Ihr Bestätigungscode lautet 4839. Er ist 5 Minuten gültig. Gültig bis in 5 Minuten.", 5),
        ("Code de vérification", "Votre code de vérification : 483920", 10),
        ("Reset your password", "This link expires in 30 minutes.", 30),
        ("Reset your password", "The link is valid for 1 hour.", 60),
        ("One-time code G-483920", "", 10),
        ("Reset your password", "This link expires in 24 hours.", None),
        ("Lunch", "See you in 10 minutes at the gate.", None),
        ("Meeting", "The report of 2026 has 4000 pages.", None),
        ("Security code of conduct 2026", "Please read our new rules.", None),
        ("", "", None),
    ],
)
def test_perishable(subject: str, text: str, minutes: int | None) -> None:
    assert perishable_minutes(Summary(subject=subject, text=text)) == minutes
    assert ("perishable" in seen(subject=subject, text=text)) is (minutes is not None)


def test_weights_order_and_add_up_to_a_hundred_at_most() -> None:
    summary = Summary(parsed=True, author="", authors=("rosa@company.example",), attachments=named("a.pdf.exe"), subject="\\u202e")
    found = signals(summary, Authentication(""), own_domains=OURS, people=PEOPLE, first_contact=True, now=NOW)
    assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)
    assert weight(found) == 100
    assert weight(()) == 0
    assert weight([Signal("a", "A.", 10), Signal("b", "B.", 25)]) == 35


@pytest.mark.parametrize(
    ("one", "other", "letters"),
    [("abc", "abc", 0), ("abc", "abd", 1), ("abc", "ab", 1), ("abc", "acb", 1), ("abcd", "badc", 2), ("abc", "xyz", 3), ("", "ab", 2)],
)
def test_distance(one: str, other: str, letters: int) -> None:
    assert distance(one, other, 5) == letters
    assert distance(other, one, 5) == letters


@given(st.text(max_size=30))
def test_a_plain_name_stays_plain(name: str) -> None:
    assert "  " not in plain_name(name)


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=200), st.text(max_size=60))
def test_any_text(name: str, domain: str, text: str, target: str) -> None:
    found = seen(author_name=name, author=f"a@{domain}", authors=(f"a@{domain}",), text=text, subject=name, links=(Link(text, target),))
    assert all(sentence.strip() for sentence in found.values())


def test_long_text_is_read_in_bounded_time() -> None:
    for piece in ("verification ", "1234 ", "expires in ", "valid for ", "A1", "in 5 ", "-"):
        assert seen(text=piece * 20_000, subject=piece * 80) is not None


def test_signals_of_a_whole_message() -> None:
    summary = summarise(html_mail("<a href='https://evil.test/'>https://bank.example</a>"))
    found = signals(summary, Authentication(summary.author), own_domains=OURS, people=PEOPLE, first_contact=True, now=NOW)
    assert [one.name for one in found] == ["link-differs", "unproven", "first-contact"]
    assert found[0].sentence == "A link: The text shows bank.example, but it opens evil.test."


@pytest.mark.corpus
def test_wanted_mail_is_left_alone_and_phishing_is_not(corpus: Path) -> None:
    told: dict[str, list[int]] = {"ham": [], "phish": []}
    for archive, folder, kind in (("mail-other", "/ham/", "ham"), ("mail-phish", "/phish/", "phish")):
        for name, raw in from_archive(corpus, archive):
            if folder in name:
                summary = summarise(raw)
                proven = Authentication(summary.author, dmarc=Dmarc(Result.PASS))
                found = signals(summary, proven, own_domains=OURS, people=PEOPLE, first_contact=False, now=NOW)
                assert all(harmful(one.sentence) == [] for one in found), name
                told[kind].append(weight([one for one in found if one.name != "wrong-date"]))
    loud = {kind: sum(value >= 20 for value in values) / len(values) for kind, values in told.items()}
    assert loud["ham"] < 0.05
    assert loud["phish"] > 0.4


POST: dict[str, Any] = {
    "author": "dev@lists.example",
    "authors": ("dev@lists.example",),
    "list_id": "dev.lists.example",
    "reply_to": ("anna@sender.example",),
}


def test_a_list_that_speaks_for_its_author_is_said_so_once() -> None:
    found = seen(**POST, author_name="Anna Roth via Dev")
    assert found["through-a-list"] == (
        "Anna Roth (anna@sender.example) wrote it, says the list dev.lists.example, which sends it in its own name."
    )
    assert "reply-elsewhere" not in found
    assert "through-a-list" not in seen(**POST | {"author": "ann@sender.example"}, author_name="Anna Roth via Dev")


def test_a_name_of_ours_is_also_seen_behind_a_list() -> None:
    assert "name-of-ours" in seen(**POST, author_name="Rosa Dahl via Dev")


def test_who_lists_the_client_is_said() -> None:
    summary = Summary(parsed=True, author="ann@sender.example", authors=("ann@sender.example",))
    found = signals(summary, PROVEN, own_domains=OURS, people=PEOPLE, first_contact=False, now=NOW, listed="zen.example lists it")
    assert [signal.sentence for signal in found if signal.name == "listed-client"] == ["Zen.example lists it."]
