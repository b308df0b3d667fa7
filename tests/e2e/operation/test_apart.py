"""Tests that need a company of their own: a next hop that is down, a release undone in time, a start that fails."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests import effort
from tests.e2e.conftest import House, choose, sign_in
from tests.peers import company, outside, processes
from tests.peers.mail import dovecot
from tests.peers.outside import OutsideMessage

pytestmark = pytest.mark.peers


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[House]:
    """A company with a minute to think again, whose mail store is not up yet."""
    port = processes.free_port()
    with company.running(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", f"lmtp://127.0.0.1:{port}", undo_seconds=60) as running:
        yield House(running, dovecot.Server(port, 0, tmp_path))


def held(house: House, text: str) -> tuple[OutsideMessage, bytes]:
    """A letter that has come in; its bytes."""
    letter = OutsideMessage(f"ana@{outside.STRANGER.name}", f"ada.byron@{company.DOMAIN}", f"{text} {uuid4().hex[:8]}")
    return letter, house.company.take(letter)


@pytest.mark.long
def test_a_release_is_taken_back_before_it_leaves(lone: House, page: Page) -> None:
    letter, _ = held(lone, "Released by mistake")
    with lone.company.signed_in() as desk:
        desk.wait_for(q=letter.subject)
        sign_in(page, lone)
        choose(page, letter.subject)
        page.keyboard.press("r")
        expect(page.get_by_role("status").filter(has_text="Released")).to_be_visible()
        desk.wait_for(q=letter.subject, state="queued")
        page.keyboard.press("z")
        (back,) = desk.wait_for(q=letter.subject, state="held")
        assert (back["due_at"], back["attempts"]) == (None, 0)


@pytest.mark.long
def test_a_next_hop_that_is_down_is_waited_for(lone: House) -> None:
    assert lone.dovecot is not None
    letter, raw = held(lone, "Patience")
    with lone.company.signed_in() as desk:
        (one,) = desk.wait_for(q=letter.subject)
        assert desk.decide("release", {"ids": [one["id"]]}).status_code == 201
        assert lone.company.run("outgoing", "retry", one["id"]).returncode == 0  # it need not wait for the undo time
        waiting = processes.until(
            lambda: [found for found in desk.deliveries(q=letter.subject, state="queued") if found["attempts"]], "an attempt has failed"
        )[0]
        assert "refused" in waiting["last_reply"].lower()
        with dovecot.running(lone.dovecot.lmtp_port) as store:
            assert desk.client.post(f"/outgoing/{one['id']}/retry").status_code == 202
            desk.wait_for(q=letter.subject, state="delivered")
            (arrived,) = store.messages(f"ada.byron@{company.DOMAIN}")
    assert arrived.endswith(raw)


@pytest.fixture
def laid_out(tmp_path: Path) -> company.Company:
    """A company that has not been started."""
    made = company.Company(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", f"maildir:{tmp_path}/mailboxes")
    made.lay_out()
    return made


def misspelt_directory(made: company.Company) -> None:
    file = made.directory / "company.toml"
    file.write_text(file.read_text("utf-8").replace('role = "admin"', 'role = "admni"'), "utf-8")


def misspelt_key(made: company.Company) -> None:
    file = made.directory / "mailroom.toml"
    file.write_text(file.read_text().replace("undo_seconds =", "undo_secnods ="))


def no_directory_file(made: company.Company) -> None:
    (made.directory / "company.toml").unlink()


def spool_is_a_file(made: company.Company) -> None:
    (made.directory / "spool").rmdir()
    (made.directory / "spool").write_text("")


def empty_database(made: company.Company) -> None:
    (made.directory / "mailroom.db").unlink()


def strange_next_hop(made: company.Company) -> None:
    made.next_hop = "uucp://elsewhere"
    made.write_settings()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        effort.long(misspelt_directory, ["company.toml", "admni", "did you mean “admin”"]),
        (misspelt_key, ["mailroom.toml", "undo_secnods", "did you mean “undo_seconds”"]),
        effort.long(no_directory_file, ["company.toml", "cannot be read"]),
        effort.long(spool_is_a_file, ["spool", "cannot be used", "spool.directory"]),
        (empty_database, ["mailroom db upgrade"]),
        effort.long(strange_next_hop, ["uucp://elsewhere", "smtp://HOST:PORT"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_cannot_start_says_why_in_one_line(
    laid_out: company.Company, spoil: Callable[[company.Company], None], words: list[str]
) -> None:
    spoil(laid_out)
    refused_with(laid_out, words)


@pytest.mark.parametrize("door", [effort.long("smtp"), "api"])
def test_a_port_in_use_is_named(laid_out: company.Company, door: str) -> None:
    port = laid_out.smtp_port if door == "smtp" else laid_out.api_port
    with socket.create_server(("127.0.0.1", port)):
        refused_with(laid_out, [f"127.0.0.1:{port}", "in use"])


def refused_with(made: company.Company, words: list[str]) -> None:
    """`mailroom serve` ends by itself with one line of its own that has these words."""
    done = made.run("serve")
    own = [line for line in done.stderr.splitlines() if line.startswith("mailroom: ")]
    assert done.returncode in (1, 2)
    assert len(own) == 1, done.stderr
    assert [word for word in words if word not in own[0]] == []
    assert "Traceback" not in done.stderr
