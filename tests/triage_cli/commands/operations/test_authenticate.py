"""`mailroom authenticate`: one message, step by step, beside what other libraries say, and nothing is stored."""

import json
from pathlib import Path

import pytest

from mail_auth import second_opinion
from tests.mail_auth.signing import published, resigned
from tests.triage_cli.conftest import Shell

GENUINE = b"From: Info <info@example.com>\r\nTo: bob@company.example\r\nSubject: Hello\r\n\r\nHello.\r\n"
OURS = ("--client", "192.0.2.1", "--helo", "mx.example.com", "--sender", "info@example.com")
FORGED = ("--client", "203.0.113.66", "--helo", "evil.example.net", "--sender", "x@example.com-evil.net")


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    key = published()
    key_record = " ".join(f'"{key[start : start + 200]}"' for start in range(0, len(key), 200))
    path = tmp_path / "zone"
    path.write_text(
        f"s._domainkey.example.com. TXT {key_record}\n"
        '_dmarc.example.com. TXT "v=DMARC1; p=reject"\n'
        'example.com. TXT "v=spf1 ip4:192.0.2.1 -all"\n'
        'example.com-evil.net. TXT "v=spf1 ip4:203.0.113.66 -all"\n'
    )
    return path


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    path = tmp_path / "mail.eml"
    path.write_bytes(resigned(raw=GENUINE).replace(b"\r\n", b"\n"))  # as it lies in a mailbox
    return path


def test_what_is_genuine(shell: Shell, mail: Path, zone: Path) -> None:
    lines = shell("authenticate", str(mail), "--zone", str(zone), *OURS).out.splitlines()
    assert lines[0] == "author  info@example.com"
    assert "spf     pass       mailfrom example.com (matched ip4:192.0.2.1)" in lines
    assert "dkim    pass       example.com s" in lines
    assert "dmarc   pass       example.com (policy reject, aligned: spf, dkim)" in lines
    assert lines[-1] == "The author is proven: dmarc."
    assert not [line for line in lines if " says " in line]


def test_what_is_forged_and_a_library_lets_pass(shell: Shell, tmp_path: Path, zone: Path) -> None:
    mail = tmp_path / "forged.eml"
    mail.write_bytes(GENUINE)
    out = shell("authenticate", str(mail), "--zone", str(zone), *FORGED).out
    assert out.splitlines()[-1] == "Nothing proves the author."
    assert "authheaders says pass (it reads a domain up to its first hyphen only: example.com-evil.net); we say fail" in out


def test_for_a_program(shell: Shell, mail: Path, zone: Path) -> None:
    found = json.loads(shell("authenticate", str(mail), "--zone", str(zone), *OURS, "--json").out)
    assert (found["author"], found["proof"]) == ("info@example.com", "dmarc")
    assert {(one["method"], one["library"].partition(" ")[0]) for one in found["steps"]} >= {("spf", "pyspf"), ("dkim", "dkimpy")}


def test_alone_and_without_the_extra(shell: Shell, mail: Path, zone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_opinion, "is_installed", lambda: False)
    alone = shell("authenticate", str(mail), "--zone", str(zone), *OURS, "--alone")
    assert ("pyspf" in alone.out, alone.err) == (False, "")
    asked = shell("authenticate", str(mail), "--zone", str(zone), *OURS)
    assert ("pyspf" in asked.out, "pip install 'mailroom[second-opinion]'" in asked.err) == (True, True)


def test_no_control_character_of_the_message_is_printed(shell: Shell, tmp_path: Path, zone: Path) -> None:
    mail = tmp_path / "hostile.eml"
    mail.write_bytes(b"DKIM-Signature: v=1; a=\x1b[2J; d=a\x1b]0;x\x07.example; s=\x1b[31m; h=from; bh=AA==; b=AA==\r\n" + GENUINE)
    for form in ((), ("--json",)):
        out = shell("authenticate", str(mail), "--zone", str(zone), *FORGED, *form).out
        assert ("dkim" in out, "\x1b" in out, "\x07" in out) == (True, False, False)


@pytest.mark.parametrize(("name", "said"), [("missing.eml", "cannot be read"), (".", "cannot be read")])
def test_a_file_that_cannot_be_read(shell: Shell, tmp_path: Path, zone: Path, name: str, said: str) -> None:
    answer = shell("authenticate", str(tmp_path / name), "--zone", str(zone))
    assert (answer.code, answer.out, said in answer.err) == (2, "", True)
