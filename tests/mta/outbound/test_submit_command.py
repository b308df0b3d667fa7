"""`mailroom-submit` as programs call sendmail: options, headers, exit codes, and what it writes."""

import errno
import io
import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st

from mta.outbound import submission_file, submit_command
from mta.outbound.submission_file import SubmittedMessage, is_address, parse_submission, read_limits
from mta.session.paths import outsider_of
from tests.peers.submitting import RUN

TEXT = b"To: Ann <ann@example.org>\nSubject: hello\n\nhi\n"
FULL = b"From: a@b\nDate: x\nMessage-ID: <1@b>\n"  # nothing is missing


@pytest.fixture
def drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    drop = tmp_path / "drop"
    drop.mkdir()
    monkeypatch.setenv("MAILROOM_SUBMIT_DIRECTORY", str(drop))
    return drop


def submit(monkeypatch: pytest.MonkeyPatch, text: bytes, *words: str, program: str = "/usr/sbin/sendmail") -> int:
    """Run the command; its exit code."""
    monkeypatch.setattr(sys, "argv", [program, *words])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    return submit_command.main()


def written(drop: Path) -> SubmittedMessage:
    """The one message in the spool."""
    (file,) = drop.iterdir()
    assert file.suffix == ".msg"
    assert file.stat().st_mode & 0o777 == 0o640
    return parse_submission(file.read_bytes())


@pytest.mark.parametrize(
    ("words", "text", "sender", "recipients"),
    [
        ("-t", TEXT, None, ["ann@example.org"]),
        ("-t -i", b"To: a@x.org,\n b@x.org\nCc: c@x.org\nBcc: d@x.org\n\n", None, ["a@x.org", "b@x.org", "c@x.org", "d@x.org"]),
        ("-t e@x.org", b"To: a@x.org\n\n", None, ["e@x.org", "a@x.org"]),
        ("-t", b"To: undisclosed-recipients:;\nBcc: a@x.org\n\n", None, ["a@x.org"]),
        ("-t", b"To: team: a@x.org, b@x.org;\n\n", None, ["a@x.org", "b@x.org"]),
        ("-t", b'To: "Fern, Ann" <a@x.org>\n\n', None, ["a@x.org"]),
        ("-t", b"To: a@x.org\nResent-To: b@x.org\n\n", None, ["b@x.org"]),
        ("-oi root", TEXT, None, ["root"]),
        ("-f ana@x.org a@x.org", TEXT, "ana@x.org", ["a@x.org"]),
        ("-fana@x.org a@x.org", TEXT, "ana@x.org", ["a@x.org"]),
        ("-r ana a@x.org", TEXT, "ana", ["a@x.org"]),
        ("-f <> a@x.org", TEXT, "", ["a@x.org"]),
        ("-f <ana@x.org> -- a@x.org", TEXT, "ana@x.org", ["a@x.org"]),
        ("a@x.org -i -odb -odi -odq -oem -om -bm -em -v -n -U -G -B8BITMIME -hops -Ac -L tag", TEXT, None, ["a@x.org"]),
        ("-FCron -i -- -a@x.org", TEXT, None, ["-a@x.org"]),
        ("a@x.org,b@x.org a@x.org", TEXT, None, ["a@x.org", "b@x.org"]),
        ("-i a+b@x.org o'neil@x.org ops@[192.0.2.1]", TEXT, None, ["a+b@x.org", "o'neil@x.org", "ops@[192.0.2.1]"]),
    ],
)
def test_what_is_understood(
    drop: Path, monkeypatch: pytest.MonkeyPatch, words: str, text: bytes, sender: str | None, recipients: list[str]
) -> None:
    assert submit(monkeypatch, text, *words.split()) == os.EX_OK
    message = written(drop)
    assert (message.sender, list(message.recipients)) == (sender, recipients)


@pytest.mark.parametrize(
    ("words", "text", "code", "says"),
    [
        ("-bs", TEXT, os.EX_USAGE, "SMTP on standard input is not offered"),
        ("-bd", TEXT, os.EX_USAGE, "no server"),
        ("-bp", TEXT, os.EX_USAGE, "mailroom outgoing"),
        ("-bz", TEXT, os.EX_USAGE, "no such mode"),
        ("-ba a@x.org", TEXT, os.EX_USAGE, "ARPANET"),
        ("-bv a@x.org", TEXT, os.EX_USAGE, "not verified"),
        ("-q", TEXT, os.EX_USAGE, "relay runs the queue"),
        ("-q30m", TEXT, os.EX_USAGE, "relay runs the queue"),
        ("-I", TEXT, os.EX_USAGE, "alias"),
        ("-N success a@x.org", TEXT, os.EX_USAGE, "status notifications"),
        ("-Z a@x.org", TEXT, os.EX_USAGE, "-Z not recognized"),
        ("-f", TEXT, os.EX_USAGE, "-f requires argument"),
        ("-f a@b@c a@x.org", TEXT, os.EX_USAGE, "is no address"),
        ("", TEXT, os.EX_USAGE, "no recipients"),
        ("-t", b"Subject: x\n\n", os.EX_USAGE, "no recipients"),
        ("-t", b"To: undisclosed-recipients:;\n\n", os.EX_USAGE, "no recipients"),
        ("-t", b"To: a b@x.org <>\n\n", os.EX_DATAERR, "no address that can be used"),
        ("-i a\x1b]0;x@x.org", TEXT, os.EX_DATAERR, "“a?]0"),
        ("-i müller@x.org", TEXT, os.EX_DATAERR, "no address that can be used"),
        ("-i a@x.org", b"Subject: x\n\na\0b\n", os.EX_DATAERR, "NUL"),
        ("-i a@x.org", b"x" * 5000, os.EX_UNAVAILABLE, "larger than 4000 bytes"),
        ("-i a@x.org b@x.org c@x.org", TEXT, os.EX_UNAVAILABLE, "at most 2"),
    ],
)
def test_what_is_refused(
    drop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, text: bytes, code: int, says: str
) -> None:
    (drop / "limits").write_text('{"max_size": 4000, "max_recipients": 2}')
    assert submit(monkeypatch, text, *words.split(" ") if words else []) == code
    assert says in capsys.readouterr().err
    assert [one.name for one in drop.iterdir()] == ["limits"]


@pytest.mark.parametrize("program", ["mailq", "/usr/bin/newaliases"])
def test_other_names_of_sendmail_are_refused(drop: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    assert submit(monkeypatch, TEXT, "a@x.org", program=program) == os.EX_USAGE
    assert list(drop.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "text", "raw"),
    [
        ("-i", FULL + b"\na\n.\nb\n", b"From: a@b\r\nDate: x\r\nMessage-ID: <1@b>\r\n\r\na\r\n.\r\nb\r\n"),
        ("-oi", FULL + b"\n.\nb\n", b"From: a@b\r\nDate: x\r\nMessage-ID: <1@b>\r\n\r\n.\r\nb\r\n"),
        ("", FULL + b"\na\n.\nb\n", b"From: a@b\r\nDate: x\r\nMessage-ID: <1@b>\r\n\r\na\r\n"),
        ("", FULL + b"\na\n..\nb\n", b"From: a@b\r\nDate: x\r\nMessage-ID: <1@b>\r\n\r\na\r\n..\r\nb\r\n"),
        ("", FULL + b"\r\na\rb\n", b"From: a@b\r\nDate: x\r\nMessage-ID: <1@b>\r\n\r\na\r\nb\r\n"),
        ("", b"From me Mon Jan 1\n" + FULL + b"\nx", b"From: a@b\r\nDate: x\r\nMessage-ID: <1@b>\r\n\r\nx"),
        ("", b"Bcc: x@y,\n z@y\nbCC : q@y\n" + FULL + b"\nx", b"From: a@b\r\nDate: x\r\nMessage-ID: <1@b>\r\n\r\nx"),
        ("", FULL[:-1], b"From: a@b\r\nDate: x\r\nMessage-ID: <1@b>\r\n\r\n"),
    ],
)
def test_what_is_written(drop: Path, monkeypatch: pytest.MonkeyPatch, words: str, text: bytes, raw: bytes) -> None:
    assert submit(monkeypatch, text, *words.split(), "a@x.org") == os.EX_OK
    assert written(drop).raw == raw


@pytest.mark.parametrize("text", [b"", b"just text\n", b"Subject: x\n\nhi\n", b" folded nothing\n"])
def test_date_and_message_id_are_added(drop: Path, monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    assert submit(monkeypatch, text, "a@x.org") == os.EX_OK
    header, _, body = written(drop).raw.partition(b"\r\n\r\n")
    assert re.search(rb"^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}$", header.replace(b"\r", b""), re.MULTILINE)
    assert re.search(rb"^Message-ID: <[0-9a-f.]+@[A-Za-z0-9.-]+>$", header.replace(b"\r", b""), re.MULTILINE)
    assert body == (b"hi\r\n" if text.startswith(b"S") else text.replace(b"\n", b"\r\n"))


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (errno.ENOSPC, os.EX_TEMPFAIL),
        (errno.EDQUOT, os.EX_TEMPFAIL),
        (errno.EROFS, os.EX_TEMPFAIL),
        (errno.EACCES, os.EX_NOPERM),
        (errno.ENOENT, os.EX_CONFIG),
    ],
)
@pytest.mark.parametrize("step", ["write", "fsync", "rename"])
def test_a_disk_that_refuses_leaves_nothing(drop: Path, monkeypatch: pytest.MonkeyPatch, step: str, fault: int, code: int) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, step, refuse)
    try:
        assert submit(monkeypatch, TEXT, "-t") == code
    finally:
        monkeypatch.undo()
    assert list(drop.iterdir()) == []


def test_no_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MAILROOM_SUBMIT_DIRECTORY", str(tmp_path / "none"))
    assert submit(monkeypatch, TEXT, "-t") == os.EX_CONFIG
    assert "MAILROOM_SUBMIT_DIRECTORY" in capsys.readouterr().err


def test_standard_input_is_closed(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["sendmail", "a@x.org"])
    monkeypatch.setattr(sys, "stdin", None)
    assert submit_command.main() == os.EX_NOINPUT
    assert list(drop.iterdir()) == []


@pytest.mark.parametrize("told", ["", "{", "[]", '{"max_size": null}', "5"])
def test_limits_that_cannot_be_read_are_the_defaults(drop: Path, told: str) -> None:
    (drop / "limits").write_text(told)
    assert read_limits(str(drop)) == (submission_file.MAX_SIZE, submission_file.MAX_RECIPIENTS)


@given(st.text(max_size=40) | st.from_regex(submission_file.ADDRESS, fullmatch=True))
def test_what_the_command_accepts_the_role_accepts(text: str) -> None:
    if is_address(text):
        address = text if "@" in text else f"{text}@mx.company.example"
        assert outsider_of(address, False)[1] == ""


@given(st.binary(max_size=200))
def test_a_file_is_read_as_it_was_written_or_not_at_all(noise: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_submission(submission_file.MAGIC + noise)


def test_it_starts_at_once_and_imports_nothing_of_the_application(drop: Path) -> None:
    report = "print(code, *(one for one in sys.modules if one.startswith(('triage', 'sqlalchemy'))))"
    program = RUN.replace("sys.exit(main())", f"code = main(); {report}")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-I", "-c", program, "-t"], input=TEXT, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stdout.split() == [b"0"]
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.15  # seconds of processor time
    assert written(drop).recipients == ("ann@example.org",)
