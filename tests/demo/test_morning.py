"""The morning is sent over real SMTP: each domain from its own host, again when deferred, to the end when some are refused."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from demo import morning as playing
from demo.sample_messages import SampleMessage
from tests.peers.processes import free_port


class Listener:
    """Takes everything, but refuses one recipient for good and defers every fiftieth sample once."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, list[str], bytes]] = []
        self.seen: Counter[bytes] = Counter()

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        """Refuse a recipient that does not exist."""
        if address == "helpdesk@company.example":
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep what came."""
        content = envelope.content
        assert isinstance(content, bytes)
        self.seen[content.partition(b"Message-ID:")[2][:60]] += 1
        if len(self.seen) % 50 == 0 and self.seen.most_common(1)[0][1] == 1:
            return "451 4.3.0 try again later"
        self.taken.append((str(session.host_name), (envelope.mail_from or "").strip("<>"), list(envelope.rcpt_tos), content))
        return "250 2.0.0 ok"


@contextmanager
def listening(handler: Listener) -> Iterator[int]:
    """The port on which `handler` takes mail."""
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def test_everything_arrives_once_from_the_host_of_its_domain(
    demo_directory: Path, samples: list[SampleMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "PAUSES", (0.0, 0.0))
    listener, told = Listener(), []
    with listening(listener) as port:
        played = playing.play_morning(
            demo_directory, "127.0.0.1", port, seed=1, progress=lambda sent, all_of_them: told.append((sent, all_of_them))
        )
    assert told == [(number, len(samples)) for number in range(1, len(samples) + 1)]
    assert played.sent == len(samples)
    assert played.refused == ("helpdesk@company.example: 550 5.1.1 no such mailbox",)
    arriving = [sample for sample in samples if sample.recipients != ("helpdesk@company.example",)]
    assert [(f"mail.{one.domain}", one.reverse_path, list(one.recipients)) for one in arriving] == [one[:3] for one in listener.taken]
    assert max(listener.seen.values()) == 2  # one was deferred, and came again
    assert [b"DKIM-Signature:" in content for *_, content in listener.taken] == [bool(one.signer) for one in arriving]


def test_a_listener_that_never_wants_the_mail_is_one_line(demo_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(Listener):
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
            return "452 4.3.1 disk full"

    monkeypatch.setattr(playing, "PAUSES", (0.0,))
    with listening(Full()) as port, pytest.raises(playing.NotSent, match=r"could not be sent to 127\.0\.0\.1:\d+: .*disk full"):
        playing.play_morning(demo_directory, "127.0.0.1", port)


def test_nobody_listening_is_one_line(demo_directory: Path) -> None:
    with pytest.raises(playing.NotSent, match=r"refused\. Is mailroom listening there\?"):
        playing.play_morning(demo_directory, "127.0.0.1", free_port())
