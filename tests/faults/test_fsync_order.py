"""250 means kept: the kernel was asked to make the message safe, and said yes, before the client heard 250."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mta.session.test_smtp_session import talk
from tests.peers import processes
from tests.peers.daemon import start_daemon
from triage.config.settings import Settings

MESSAGES = 25
CALLS = "trace=fsync,fdatasync,rename,renameat,renameat2,write,writev,sendto,sendmsg"
START = (b"EHLO client.example\r\n", b"MAIL FROM:<a@stranger.example>\r\n", b"RCPT TO:<anna@company.example>\r\n", b"DATA\r\n")
REPLY = re.compile(r'(?:write|writev|sendto|sendmsg)\(\d+<TCP[^>]*(?:->[^>]*)?>.*?"(?P<code>354|250 2\.0\.0 queued)')
SYNCED = re.compile(r"(?:fsync|fdatasync)\(\d+<(?P<path>[^>]*)>\) += 0")
RENAMED = re.compile(r'rename\w*\(.*"(?P<path>[^"]*\.batch)".*\) += 0')


@pytest.mark.peers
def test_every_250_comes_after_the_message_and_its_name_are_safe(settings: Settings, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    strace = (processes.need("strace", "strace"), "-f", "-yy", "-s", "200", "-e", CALLS, "-o", str(trace))
    with start_daemon(settings, tmp_path, wrapper=strace) as door:
        for number in range(MESSAGES):
            assert talk(door, *START, b"Subject: %d\r\n\r\nx\r\n.\r\n" % number)[-1].startswith("250")
    incoming = str(settings.spool.directory / "incoming")
    promises = 0
    for between in promised(trace):
        assert between, "250 without any sync"
        assert between == [between[0], f"renamed {between[0].removesuffix('.tmp')}", incoming]
        promises += 1
    assert promises == MESSAGES


def promised(trace: Path) -> Iterator[list[str]]:
    """For each 250, what was made safe since the 354 before it, in order."""
    between: list[str] = []
    for line in completed(trace.read_text("utf-8", "replace")):
        if said := REPLY.match(line):
            if said["code"] != "354":
                yield between
            between = []
        elif synced := SYNCED.match(line):
            between.append(synced["path"])
        elif renamed := RENAMED.match(line):
            between.append(f"renamed {renamed['path']}")


def completed(trace: str) -> Iterator[str]:
    """System calls at the moment they were done, replies at the moment they were handed to the kernel."""
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        thread, _, call = line.partition(" ")
        call = call.strip()
        if resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", call):
            call = begun.pop(thread, "") + resumed[1]
        elif call.endswith("<unfinished ...>"):
            begun[thread] = call.removesuffix("<unfinished ...>")
            call = begun[thread]
            if not REPLY.match(call):
                continue
            begun[thread] = ""  # it counts now, not again when it is done
        yield call
