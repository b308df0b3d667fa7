"""The morning is whole, readable, the same for the same seed, and provable by the demo's DNS as far as it should be."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parsedate_to_datetime
from pathlib import Path

import dkim  # type: ignore[import-untyped]
import pytest
from selectolax.lexbor import LexborHTMLParser

from demo import company
from demo.correspondence import write_morning
from demo.keys import Key
from demo.sample_messages import SampleMessage
from demo.senders import BY_DOMAIN
from directory_sync.toml import toml_reader
from mail_auth.dns.zone_file import ZoneFileResolver
from tests.demo.conftest import START

KINDS = {
    "alert": 1,
    "applicant": 3,
    "bank": 3,
    "blocked": 3,
    "bounce": 1,
    "calendar": 1,
    "ceo-fraud": 6,
    "chinese": 1,
    "cold-offer": 10,
    "counsel": 2,
    "craftsman": 2,
    "customer": 3,
    "customs": 8,
    "dangerous-attachment": 6,
    "extortion": 1,
    "family": 1,
    "forged-craftsman": 1,
    "forged-supplier": 1,
    "german": 1,
    "gift-cards": 1,
    "journalist": 1,
    "list": 3,
    "look-alike": 1,
    "neighbour": 4,
    "new-supplier": 1,
    "newsletter": 29,
    "out-of-office": 1,
    "own-domain": 1,
    "parcel": 1,
    "phishing": 40,
    "polish": 1,
    "postmaster": 1,
    "several": 1,
    "sign-in-code": 3,
    "supplier": 6,
    "unknown-charset": 1,
}


def parsed(sample: SampleMessage) -> EmailMessage:
    """The sample as the standard library reads it."""
    message = message_from_bytes(sample.raw, policy=SMTP)
    assert isinstance(message, EmailMessage)
    return message


def of_kind(samples: list[SampleMessage], kind: str) -> list[EmailMessage]:
    """All messages of one kind."""
    return [parsed(sample) for sample in samples if sample.kind == kind]


def links(message: EmailMessage) -> Iterator[tuple[str, str]]:
    """(text, target) of each link in the HTML part."""
    part = message.get_body(("html",))
    assert part is not None
    for link in LexborHTMLParser(part.get_content()).css("a"):
        yield link.text(strip=True), link.attributes["href"] or ""


def test_every_kind_of_mail_comes_as_often_as_the_story_says(samples: list[SampleMessage]) -> None:
    assert Counter(sample.kind for sample in samples) == KINDS
    assert sum(KINDS.values()) == 151


def test_the_same_seed_is_the_same_morning(samples: list[SampleMessage]) -> None:
    assert write_morning(seed=1, start=START, pace_seconds=2.0) == samples


def test_another_seed_is_another_morning_of_the_same_kinds(samples: list[SampleMessage]) -> None:
    other = write_morning(seed=2, start=START, pace_seconds=2.0)
    assert Counter(sample.kind for sample in other) == KINDS
    assert not {sample.raw for sample in other} & {sample.raw for sample in samples}


def test_every_mail_is_readable_without_a_defect(samples: list[SampleMessage]) -> None:
    for sample in samples:
        message = parsed(sample)
        assert not [defect for part in message.walk() for defect in part.defects], sample.kind
        headers = [] if sample.kind == "unknown-charset" else ["From", "To", "Date", "Subject"]
        assert not [defect for name in headers for defect in message[name].defects], sample.kind
        assert len(message["From"].addresses) == 1
        assert b"\n" not in sample.raw.replace(b"\r\n", b"")
        assert sample.raw.endswith(b"\r\n")
        assert max(map(len, sample.raw.split(b"\r\n"))) <= 998  # RFC 5322, 2.1.1
        assert sample.raw.isascii()


def test_ids_are_unique_and_dates_are_shortly_before_the_sending(samples: list[SampleMessage]) -> None:
    messages = [parsed(sample) for sample in samples]
    assert len({message["Message-ID"] for message in messages}) == len(samples)
    for place, message in enumerate(messages):
        sent = START + timedelta(seconds=2 * place)
        assert timedelta(0) < sent - parsedate_to_datetime(message["Date"]) <= timedelta(seconds=90)


def test_everybody_is_written_to_at_an_address_of_the_directory(samples: list[SampleMessage], demo_directory: Path) -> None:
    known = toml_reader.read_directory(demo_directory / "company.toml", (company.DOMAIN,))
    addresses = {person.mailbox for person in known.people} | {f"{one.department}+{one.uid}@{company.DOMAIN}" for one in known.people}
    addresses |= {f"postmaster@{company.DOMAIN}"} | {
        f"{role}@{company.DOMAIN}" for department in known.departments for role in department.roles
    }
    assert {recipient for sample in samples for recipient in sample.recipients} <= addresses


def test_every_domain_that_writes_is_in_the_zone(samples: list[SampleMessage]) -> None:
    for sample in samples:
        assert parsed(sample)["From"].addresses[0].domain in BY_DOMAIN
        assert sample.domain in BY_DOMAIN
    assert {sender.domain.rpartition(".")[2] for sender in BY_DOMAIN.values()} == {"example", "test"}  # RFC 2606


def test_signatures_verify_with_the_keys_of_the_zone(samples: list[SampleMessage], signing: dict[str, Key], demo_directory: Path) -> None:
    resolver = ZoneFileResolver(demo_directory / "demo.zone")

    def txt(name: bytes, timeout: int = 5) -> bytes | None:
        return next((record for record in resolver.query(name.decode(), "TXT", 0.0) if isinstance(record, bytes)), None)

    algorithms: Counter[str] = Counter()
    for sample in samples:
        signed = sample.signed(signing)
        assert signed.endswith(sample.raw)
        if sample.signer:
            assert dkim.verify(signed, dnsfunc=txt), sample.kind
            assert not dkim.verify(signed.replace(b"\r\nSubject: ", b"\r\nSubject: x"), dnsfunc=txt), sample.kind
        else:
            assert signed == sample.raw
        algorithms[signing[BY_DOMAIN[sample.signer].key].algorithm.decode() if sample.signer else "none"] += 1
    assert algorithms["rsa-sha256"] > 100
    assert algorithms["ed25519-sha256"] >= 4
    assert algorithms["none"] >= 8


def test_the_password_wave_reaches_everybody_from_changing_senders_and_its_links_lie(samples: list[SampleMessage]) -> None:
    wave = of_kind(samples, "phishing")
    assert {message["To"].addresses[0].addr_spec for message in wave} == {person.mailbox for person in company.list_people()}
    assert len({message["From"].addresses[0].domain for message in wave}) == 5
    assert len({message["Subject"] for message in wave}) > 10
    for message in wave:
        shown, target = list(links(message))[1]
        assert shown == "https://password.company.example/renew"
        assert re.match(r"https://portal\.[a-z-]+\.test/", target)


def test_the_boss_writes_from_outside_and_wants_answers_elsewhere(samples: list[SampleMessage]) -> None:
    for message in of_kind(samples, "ceo-fraud"):
        assert message["From"].addresses[0].display_name == company.find_person("helena.brandvik").name
        assert message["From"].addresses[0].domain == "mailpond.example"
        assert message["Reply-To"].addresses[0].domain == "executive-mailbox.test"


def test_newsletters_have_pictures_from_far_away_and_one_brings_its_own(samples: list[SampleMessage]) -> None:
    own = 0
    for message in of_kind(samples, "newsletter"):
        part = message.get_body(("html",))
        assert part is not None
        pictures = [image.attributes["src"] or "" for image in LexborHTMLParser(part.get_content()).css("img")]
        assert sum(source.startswith("https://img.letterhaus.example/") for source in pictures) >= 4
        cids = [source.removeprefix("cid:") for source in pictures if source.startswith("cid:")]
        assert all(f"<{cid}>" in {one["Content-ID"] for one in message.walk()} for cid in cids)
        own += len(cids)
    assert own == 3


def test_codes_come_last_and_say_when_they_expire(samples: list[SampleMessage]) -> None:
    assert [sample.kind for sample in samples[-3:]] == ["sign-in-code"] * 3
    for message in of_kind(samples, "sign-in-code"):
        part = message.get_body(("plain",))
        assert part is not None
        assert "expires in 10 minutes" in part.get_content()


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("applicant", {"CV Mira Holmqvist.pdf", "CV Tarek Haddadin.pdf", "CV José Ignacio Beltrán.pdf"}),
        ("dangerous-attachment", {"Invoice_88213.docm"}),
        ("supplier", {"Invoice_2091-77.pdf"}),
    ],
)
def test_attachments_have_their_names(samples: list[SampleMessage], kind: str, names: set[str]) -> None:
    assert {part.get_filename() for message in of_kind(samples, kind) for part in message.iter_attachments()} == names


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("german", "Ankerstraße"),
        ("polish", "wodomierzy"),
        ("chinese", "超声波"),
        ("family", "14:12, not at 12:14"),
        ("calendar", "Hollersund"),
    ],
)
def test_other_scripts_survive(samples: list[SampleMessage], kind: str, word: str) -> None:
    part = of_kind(samples, kind)[0].get_body(("plain",))
    assert part is not None
    assert word in part.get_content()


def test_one_charset_is_known_to_nobody(samples: list[SampleMessage]) -> None:
    (message,) = of_kind(samples, "unknown-charset")
    with pytest.raises(LookupError):
        "".encode(message.get_content_charset("utf-8"))


def test_source_line_breaks_do_not_show(samples: list[SampleMessage]) -> None:
    page = next(message for message in of_kind(samples, "customer") if "Tender" in message["Subject"]).get_body(("html",))
    assert page is not None
    assert "with radio, delivery from August, in four lots. Would you" in page.get_content()
    assert "Birte Jansohn<br>\r\nPurchasing" in page.as_bytes(policy=SMTP).decode() or "Birte Jansohn<br>\nPurchasing" in page.get_content()


def test_dates_follow_the_start_that_is_given() -> None:
    other = datetime(2031, 1, 2, 3, 4, tzinfo=START.tzinfo)
    assert parsed(write_morning(seed=1, start=other)[0])["Date"].datetime.year == 2031
