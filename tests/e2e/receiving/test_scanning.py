"""ClamAV and Rspamd beside a running Mailroom: what they say is told, and mail does not wait for them when they are down."""

from pathlib import Path

import pytest

from tests.peers import company, outside
from tests.peers.mail import clamd as clamd_peer, rspamd as rspamd_peer
from tests.peers.outside import OutsideMessage

pytestmark = [pytest.mark.peers, pytest.mark.long]  # the real ones are asked in tests/mta/processing too
TO = f"russell.coker@{company.DOMAIN}"


def letter(subject: str, *attachments: tuple[str, bytes]) -> OutsideMessage:
    """A message of a stranger."""
    return OutsideMessage(f"ana@{outside.STRANGER.name}", TO, subject, attachments=attachments)


def names(delivery: dict[str, object]) -> dict[str, str]:
    """Signals of a delivery, by name."""
    signals = delivery["signals"]
    assert isinstance(signals, list)
    return {signal["name"]: signal["sentence"] for signal in signals}


def test_a_virus_is_held_and_a_scanner_that_is_down_holds_up_nothing(tmp_path: Path) -> None:
    with clamd_peer.start_clamd() as (socket, _), rspamd_peer.start_rspamd() as url:
        policy = f'clamd = "{socket}"\nrspamd_url = "{url}"\nclamd_timeout = 120\nrspamd_timeout = 120\n'
        with company.running(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", f"maildir:{tmp_path}/mailboxes", more=policy) as house:
            house.take(letter("Invoice", ("invoice.pdf", clamd_peer.VIRUS)))
            house.take(letter("Offer", ("offer.pdf", b"%PDF-1.4")))
            with house.signed_in() as desk:
                found = {one["subject"]: one for one in desk.wait_for(2, state="held")}
                assert found["Invoice"]["verdict"]["rule"] == "virus"
                assert found["Invoice"]["verdict"]["reason"] == f"ClamAV found a virus in it: {clamd_peer.NAME}.UNOFFICIAL"
                assert names(found["Invoice"])["virus"] == f"ClamAV found a virus: {clamd_peer.NAME}.UNOFFICIAL."
                assert found["Invoice"]["priority"] < found["Offer"]["priority"]
                assert found["Offer"]["verdict"]["rule"] == "first-contact"
                assert {"rspamd-clean", "virus", "not-scanned"} & set(names(found["Offer"])) == {"rspamd-clean"}
                doctor = house.run("doctor").stdout
                assert "ClamAV answers" in doctor
                assert "Rspamd answers" in doctor
            down(house, desk_sees=clamd_peer.VIRUS)


def down(house: company.Company, desk_sees: bytes) -> None:
    """The same installation with scanners that are not there."""
    house.stop()
    settings = house.directory / "mailroom.toml"
    text = settings.read_text()
    lines = [line for line in text.splitlines() if not line.startswith(("clamd =", "rspamd_url ="))]
    settings.write_text("\n".join([*lines, 'clamd = "/nowhere/clamd.ctl"', 'rspamd_url = "http://127.0.0.1:9"', ""]))
    house.start()
    house.take(letter("Later", ("later.pdf", desk_sees)))
    with house.signed_in() as desk:
        (later,) = desk.wait_for(1, state="held", q="Later")
    assert later["verdict"]["rule"] == "first-contact"
    said = [signal["sentence"] for signal in later["signals"] if signal["name"] == "not-scanned"]
    assert said == [f"{name} did not check the message: no answer." for name in ("ClamAV", "Rspamd")]
    doctor = house.run("doctor")
    assert doctor.returncode == 1
    assert "ClamAV" in doctor.stdout
