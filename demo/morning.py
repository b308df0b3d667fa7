"""Sends the morning's mail to a running Mailroom over real SMTP, each domain from a mail host of its own."""

import smtplib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from demo.correspondence import write_morning
from demo.keys import Key, read_keys
from demo.prepare import keys_directory
from demo.sample_messages import SampleMessage
from triage.errors import Refused
from triage.times import utcnow

TIMEOUT = 60  # seconds for one answer
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before a sample that was deferred (4yz) is tried again


@dataclass(frozen=True, slots=True)
class Played:
    """Result of the played morning."""

    sent: int
    refused: tuple[str, ...]  # one line for each recipient that was refused for good: address and answer


class NotSent(Refused):
    """The message could not be handed over; the text says what to look at."""


def play_morning(
    directory: Path,
    host: str,
    port: int,
    *,
    seed: int = 1,
    pace_seconds: float = 0.0,
    progress: Callable[[int, int], None] | None = None,
) -> Played:
    """Send the whole morning of the demo in `directory` to host:port; `progress(sent, all)` is called after each sample.

    Call it once for a fresh demo: a second time sends the same message again. NotSent when nobody listens there or the
    listener keeps putting a sample off; what was sent before stays sent.
    """
    signing = read_keys(keys_directory(directory))
    samples = write_morning(seed=seed, start=utcnow(), pace_seconds=pace_seconds)
    refused: list[str] = []
    hosts = MailHosts(host, port)
    try:
        for number, sample in enumerate(samples, 1):
            refused += send_sample(hosts, sample, signing)
            if progress:
                progress(number, len(samples))
            if number < len(samples):
                time.sleep(pace_seconds)
    except OSError as fault:  # smtplib's errors are OSErrors
        raise NotSent(f"the demo's mail could not be sent to {host}:{port}: {fault}. Is mailroom listening there?") from fault
    finally:
        hosts.close()
    return Played(len(samples), tuple(refused))


class MailHosts:
    """The senders' mail hosts: one connection at a time, kept while the next sample comes from the same domain."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.domain = ""
        self.connection: smtplib.SMTP | None = None

    def of(self, domain: str) -> smtplib.SMTP:
        """A connection that has said EHLO in the name of this domain's mail host."""
        if self.connection is None or self.domain != domain:
            self.close()
            self.connection = smtplib.SMTP(self.host, self.port, local_hostname=f"mail.{domain}", timeout=TIMEOUT)
            self.domain = domain
        return self.connection

    def close(self) -> None:
        """End the connection, if one is open."""
        if self.connection is not None:
            try:
                self.connection.quit()
            except smtplib.SMTPException:
                self.connection.close()
        self.connection = None


def send_sample(hosts: MailHosts, sample: SampleMessage, signing: Mapping[str, Key]) -> list[str]:
    """Hand one sample over, again after a pause when it is deferred; a line for each recipient that is refused for good."""
    raw = sample.signed(signing)
    waiting = list(sample.recipients)
    refused: list[str] = []
    for pause in (*PAUSES, None):
        answers = attempt_transaction(hosts, sample, waiting, raw)
        refused += [f"{address}: {format_reply(code, text)}" for address, (code, text) in answers.items() if code >= 500]
        waiting = [address for address, (code, _) in answers.items() if code < 500]
        if not waiting:
            return refused
        if pause is None:
            raise smtplib.SMTPResponseException(*answers[waiting[0]])
        hosts.close()
        time.sleep(pause)
    raise AssertionError("the last pause is None")


def attempt_transaction(hosts: MailHosts, sample: SampleMessage, recipients: list[str], raw: bytes) -> Mapping[str, tuple[int, bytes]]:
    """Sends one transaction; the reply for each recipient who was refused."""
    try:
        return hosts.of(sample.domain).sendmail(sample.reverse_path, recipients, raw)
    except smtplib.SMTPRecipientsRefused as fault:
        return fault.recipients
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError, smtplib.SMTPConnectError) as fault:
        error = fault.smtp_error if isinstance(fault.smtp_error, bytes) else fault.smtp_error.encode()
        return dict.fromkeys(recipients, (fault.smtp_code, error))
    except smtplib.SMTPServerDisconnected:
        hosts.close()
        return dict.fromkeys(recipients, (421, b"the connection was closed"))


def format_reply(code: int, text: bytes) -> str:
    """An SMTP answer on one line."""
    return f"{code} {' '.join(text.decode('ascii', 'replace').split())}"
