"""Signals about impersonated people and companies, and the senders that are excepted."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.triage.message.signals.seeing import NOW, OURS, PROVEN, by, looked_at, seen
from triage.message.authentication import Authentication, Dmarc, Result
from triage.message.mime.links import host_name
from triage.message.signals.find_signals import find_signals
from triage.message.signals.impersonation import COMPARED
from triage.message.signals.lookalikes import edit_distance, keys_of_known, keys_of_stranger, looks_like, plain_name
from triage.message.signals.signal_context import Seen, SimilarContacts
from triage.message.summary import Summary


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
    ("one", "other", "letters"),
    [("abc", "abc", 0), ("abc", "abd", 1), ("abc", "ab", 1), ("abc", "acb", 1), ("abcd", "badc", 2), ("abc", "xyz", 3), ("", "ab", 2)],
)
def test_distance(one: str, other: str, letters: int) -> None:
    assert edit_distance(one, other, 5) == letters
    assert edit_distance(other, one, 5) == letters


@given(st.text(max_size=30))
def test_a_plain_name_stays_plain(name: str) -> None:
    assert "  " not in plain_name(name)


def test_a_name_of_ours_is_also_seen_behind_a_list() -> None:
    author = by("dev@lists.example", "Rosa Dahl via Dev")
    assert "name-of-ours" in seen(**author, list_id="dev.lists.example", reply_to=("anna@sender.example",))


def test_a_new_directory_counts_at_once() -> None:
    summary = Summary(parsed=True, author_name="Max Weber", author="x@sender.example", authors=("x@sender.example",))

    def names(people: dict[str, str]) -> set[str]:
        return {one.name for one in find_signals(Seen(summary, PROVEN, NOW, OURS, people))}

    assert "name-of-ours" not in names({})
    assert "name-of-ours" in names({"max weber": "max@company.example"})
    assert "name-of-ours" not in names({"rosa dahl": "rosa@company.example"})


KNOWN = {"known": SimilarContacts(("ann.lee@supplier.example",), ("northwind.example", "supplier.example"))}


def test_what_looks_like_ours_and_like_somebody_we_know_looks_like_ours() -> None:
    beside = {"known": SimilarContacts((), ("c0mpamy.example",))}
    assert {"look-alike-domain", "look-alike-of-known"} & set(seen(reply_to=("ann@c0mpany.example",), beside=beside)) == {
        "look-alike-domain"
    }


def test_of_thousands_of_answer_addresses_some_are_compared() -> None:
    others = tuple(f"ann@d{number}.example" for number in range(COMPARED))
    assert "look-alike-domain" in seen(reply_to=(*others[:-2], "ann@c0mpany.example"))
    assert "look-alike-domain" not in seen(reply_to=(*others, "ann@c0mpany.example"))


def test_a_name_of_somebody_we_know_with_another_address() -> None:
    assert seen(beside=KNOWN)["name-of-known"] == (
        "Display name is that of your contact ann.lee@supplier.example, address is another one: ann@sender.example."
    )
    assert "name-of-known" not in seen(**by("ann.lee@supplier.example", "Ann Lee"), beside=KNOWN)


@pytest.mark.parametrize(
    ("domain", "like"),
    [
        ("n0rthwind.example", "northwind.example"),
        ("northwimd.example", "northwind.example"),
        ("northwind.test", "northwind.example"),
        ("northwind-invoices.test", "northwind.example"),
        ("xn--upplier-iog.example", "supplier.example"),
        ("northwind.example", ""),
        ("mail.northwind.example", ""),
        ("southwind.example", ""),
    ],
)
def test_a_look_alike_of_somebody_we_know(domain: str, like: str) -> None:
    found = looked_at(**by(f"ann@{domain}"), beside=KNOWN).get("look-alike-of-known")
    assert (found.evidence[1] if found else "") == like


def test_a_wanted_sibling_of_somebody_we_know_may_not_answer_elsewhere() -> None:
    sibling = replace(KNOWN["known"], siblings=("northwind.example",))
    assert looked_at(**by("ann@northwind.de"), beside={"known": sibling}).get("look-alike-of-known") is None
    assert looked_at(**by("ann@northwind.de"), beside=KNOWN).get("look-alike-of-known")
    found = looked_at(**by("ann@northwind.de"), reply_to=("ann@n0rthwind.example",), beside={"known": sibling})["look-alike-of-known"]
    assert found.evidence == ("n0rthwind.example", "northwind.example")


@pytest.mark.parametrize(
    ("stranger", "known"),
    [
        ("n0rthwind.example", "northwind.example"),
        ("northwimd.example", "northwind.example"),
        ("northwnid.example", "northwind.example"),
        ("northwindd.example", "northwind.example"),
        ("northwin.example", "northwind.example"),
        ("north-wind.example", "northwind.example"),
        ("northwind.test", "northwind.example"),
        ("northwind-invoices.test", "northwind.example"),
        ("northwind.example.evil.test", "northwind.example"),
        ("xn--upplier-iog.example", "supplier.example"),
        ("dell.test", "dell.example"),
    ],
)
def test_what_looks_alike_shares_a_key(stranger: str, known: str) -> None:
    """So that the database finds, among all that are known, those that are worth comparing."""
    assert keys_of_stranger(stranger) & keys_of_known(known)
    assert looks_like(stranger, known)


@given(st.text(max_size=60))
def test_any_domain_has_few_keys(domain: str) -> None:
    assert len(keys_of_known(domain)) <= 41
    assert keys_of_known(domain) <= keys_of_stranger(domain)


@pytest.mark.parametrize(
    "domain",
    [
        "xn--",
        "xn--\u00ff",
        "xn--a-ecp.ru",
        "xn--999999999",
        "xn--0000h",
        f"xn--{'a' * 300}",
        "\u0430\u0440\u0440",
        "a" * 300 + ".\u00e4",
        "..",
        "xn--ls8h.la",
    ],
)
def test_a_name_that_does_not_decode_stays_as_it_is(domain: str) -> None:
    found = seen(**by(f"ann@{domain}"), beside=KNOWN)
    assert ("foreign-letters" in found) is ("xn--" in domain)
    assert host_name(domain) is not None


@pytest.mark.parametrize(
    ("name", "address", "said"),
    [
        ("PayPal", "service@pay-pal-secure.test", True),
        ("PayPal", "service@evil.test", True),
        ("PayPaI Support", "service@evil.test", True),
        ("Netflix.com", "news@evil.test", True),
        ("DHL Express", "info@evil.test", True),
        ("DHL Express", "info@mail.dhl.example", False),
        ("Ann via Dropbox", "ann@evil.test", False),
        ("Applewhite, Ann", "ann@sender.example", False),
        ("", "ann@sender.example", False),
    ],
)
def test_names_that_are_much_imitated(name: str, address: str, said: bool) -> None:
    assert ("name-much-imitated" in seen(**by(address, name))) is said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"subject": "Your Am\u0430zon account"}, True),
        ({"author_name": "C\U000e0101o\U000e0101inbase"}, True),
        ({"subject": "\U0001d408\U0001d426\U0001d429ortant"}, True),
        ({"text": "Urg\u0435nt: v\u0435rify your \u0430ccount"}, True),
        ({"text": "One odd w\u043erd may be a slip."}, False),
        ({"subject": "\u0417\u0430\u043a\u0430\u0437 e-mail \u043e\u0442\u0447\u0451\u0442"}, False),
        ({"subject": "Caf\u00e9 \u00c5ngstr\u00f6m na\u00efve \u65e5\u672c\u8a9eKanji \u03bcm"}, False),
        ({"subject": "I \u2764\ufe0f it"}, False),
    ],
)
def test_disguised_words(changes: dict[str, Any], said: bool) -> None:
    assert ("disguised-words" in seen(**changes)) is said


@pytest.mark.parametrize(
    ("author", "name", "said"),
    [
        ("rosa.dahl@gmail.com", "", True),
        ("rosa-dahl@sender.example", "Head office", True),
        ("r0sa_dahl@sender.example", "", True),
        ("rosa.dahl@sender.example", "Rosa Dahl", False),  # that says name-of-ours
        ("rosa.dahl@company.example", "", False),
        ("rosadahl@sender.example", "", False),
        ("r.dahl@sender.example", "", False),
        ("info@sender.example", "", False),
        ("dahl.rosa@sender.example", "", False),
    ],
)
def test_a_colleagues_address_at_another_domain(author: str, name: str, said: bool) -> None:
    assert ("address-of-ours" in seen(**by(author, name))) is said
