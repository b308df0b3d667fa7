"""The file of the start list: what the shipped one holds, and which lines are refused."""

from pathlib import Path

import pytest

from tests.triage.policy.start_list import make_start_list
from triage.addressing.freemail_domains import PROVIDERS
from triage.addressing.open_platforms import PLATFORMS
from triage.errors import BadInput, FaultyLines
from triage.policy.start_list.current_list import SHIPPED, shipped_list
from triage.policy.start_list.list_file import CATEGORIES, Limits, read_list, write_sender

HEAD = "mailroom-start-list 2027-01-04\n"
BANK = "bank.example.com category=banks sends=codes,notices dkim=example.com source=our-own/list.txt"
LIMITS = Limits(own=("company.example",), free=PROVIDERS)


@pytest.mark.corpus
def test_the_shipped_list_is_what_the_corpus_gives(corpus: Path) -> None:
    assert make_start_list.missing_domains(corpus / "lists.tar.gz") == []
    assert SHIPPED.read_text() == make_start_list.make_list(corpus / "lists.tar.gz")


def test_the_shipped_list_can_be_offered() -> None:
    text = SHIPPED.read_text()
    shipped = read_list(text, Limits(free=PROVIDERS))
    assert shipped == shipped_list()
    assert len(shipped.senders) > 300
    assert {one.category for one in shipped.senders.values()} == set(CATEGORIES)
    assert {one.platform for one in shipped.senders.values() if one.domain in PLATFORMS} == {True}
    lines = [line for line in text.splitlines() if not line.startswith(("#", "mailroom-start-list"))]
    assert lines == [write_sender(one) for one in shipped.senders.values()]


@pytest.mark.parametrize(
    "domain",
    [
        *("marketplace.amazon.com", "marketplace.amazon.de", "rakuten.co.jp", "aliexpress.com"),  # sellers and buyers write
        *("expedia.com", "booking.com", "airbnb.com"),  # hosts write
        *("bugzilla.mozilla.org", "redhat.com"),  # whoever comments on a bug
        *("careerbuilder.com", "shipstation.com", "nytimes.com"),  # recruiters, shops, who recommends an article
        *("nifty.com", "kdn.biglobe.ne.jp", "pb3.so-net.ne.jp"),  # customers have their mailboxes there
    ],
)
def test_where_strangers_can_write_nobody_is_offered(domain: str) -> None:
    listed = shipped_list().find(domain)
    assert listed is None or listed.platform


def test_a_list_finds_the_nearest_sender_of_a_domain() -> None:
    found = read_list(f"{HEAD}{BANK}\nexample.com category=shops sends=orders dkim=example.com source=other subdomains\n", LIMITS)
    named = {
        domain: one.category if (one := found.find(domain)) else "" for domain in ("bank.example.com", "a.example.com", "b.example.org")
    }
    assert named == {"bank.example.com": "banks", "a.example.com": "shops", "b.example.org": ""}
    assert found.find("deep.bank.example.com") == found.senders["example.com"]  # the bank's line names that domain alone


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bank.exmaple category=banks sends=codes dkim=bank.exmaple source=abc", "“bank.exmaple” ends in no known top-level domain"),
        ("bank..com category=banks sends=codes dkim=bank.com source=abc", "is not a domain"),
        ("co.uk category=banks sends=codes dkim=co.uk source=abc", "anybody can register a domain under co.uk"),
        ("github.io category=accounts sends=codes dkim=github.io source=abc", "anybody can register a domain under github.io"),
        (BANK, "bank.example.com is in line 2 already"),
        (BANK.replace("category=banks", "category=bnaks").replace("bank.", "b."), "category: there is no “bnaks”; did you mean “banks”?"),
        (BANK.replace("sends=codes", "sends=spam").replace("bank.", "b."), "sends: there is no “spam”"),
        (BANK.replace("dkim=", "dkmi=").replace("bank.", "b."), "there is no “dkmi”; did you mean “dkim”?"),
        (f"{BANK} platfrom".replace("bank.", "b."), "there is no “platfrom”; did you mean “platform”?"),
        (f"{BANK} sends=codes".replace("bank.", "b."), "sends: it is listed twice"),
        (BANK.partition(" source")[0].replace("bank.", "b."), "source is missing"),
        (BANK.replace("our-own/list.txt", "<b>").replace("bank.", "b."), "“<b>” names no source"),
        (BANK.replace("dkim=example.com", "dkim=example.org").replace("bank.", "b."), "example.org belongs to another organisation"),
        ("paypal.com category=banks sends=codes dkim=paypal.com source=abc", "anybody can send messages through paypal.com: mark the line"),
        ("mail.docusign.net category=work sends=notices dkim=docusign.net source=abc", "anybody can send messages through docusign.net"),
        ("gmail.com category=work sends=notices dkim=gmail.com source=abc", "anybody can get an address at gmail.com"),
        ("company.example.com category=work sends=notices dkim=company.example.com source=abc", "is your company's own domain"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_read(line: str, said: str) -> None:
    limits = Limits(own=("company.example.com",), free=PROVIDERS)
    with pytest.raises(FaultyLines, match="nothing was changed") as caught:
        read_list(f"# a comment\n{HEAD}{BANK}\n{line}\n".replace("# a comment\n", ""), limits)
    (fault,) = caught.value.faults
    assert (fault.line, said in fault.reason) == (3, True), fault.reason


@pytest.mark.parametrize("head", ["", "mailroom-start-list tomorrow\n", "start-list 2027-01-04\n"])
def test_a_list_begins_with_its_day(head: str) -> None:
    with pytest.raises(FaultyLines, match="line 1: a start list begins with “mailroom-start-list 2026-12-01” and a day"):
        read_list(f"{head}{BANK}\n", LIMITS)


def test_every_wrong_line_is_named_together_and_a_file_has_an_end() -> None:
    with pytest.raises(FaultyLines) as caught:
        read_list(HEAD + "x\ny\n" + BANK, LIMITS)
    assert [one.line for one in caught.value.faults] == [2, 3]
    with pytest.raises(FaultyLines, match="there is no sender in it"):
        read_list(HEAD, LIMITS)
    with pytest.raises(BadInput, match=r"1.?000.?000 letters at most"):
        read_list(HEAD + "x" * 1_000_000, LIMITS)
    with pytest.raises(BadInput, match=r"5.?000 lines at most"):
        read_list(HEAD + "x\n" * 5_000, LIMITS)
