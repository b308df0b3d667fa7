"""A stream of SMTP sessions, which a test runs in its booted machine: the standard library alone.

smtp_stream.py STOP REPORT: until the file STOP is there; then REPORT holds, as JSON, the numbers of the messages that were accepted, how
many attempts were told to come back (4xx), what happened instead of an answer or with 5xx, and the longest wait for one in seconds.
"""

import json
import smtplib
import sys
import threading
import time
from pathlib import Path

SESSIONS = 4  # at a time
PAUSE = 0.2  # seconds between two of them
PATIENCE = 120  # seconds for an answer


class Stream:
    """Sessions of several clients, with what became of them."""

    def __init__(self, stop: Path) -> None:
        self.stop = stop
        self.accepted: list[int] = []
        self.later = 0
        self.unanswered: list[str] = []
        self.longest = 0.0

    def run_client(self, first: int) -> None:
        """Sends message after message, each until it is accepted."""
        number = first
        while not self.stop.exists() and not self.unanswered:
            if self.is_accepted(number):
                self.accepted.append(number)
                number += SESSIONS
            time.sleep(PAUSE)

    def is_accepted(self, number: int) -> bool:
        """Has one session; whether its message was accepted."""
        text = f"From: stranger@outside.example\r\nSubject: stream {number}\r\n\r\nhello\r\n"
        began = time.monotonic()
        try:
            with smtplib.SMTP("127.0.0.1", 25, timeout=PATIENCE) as client:
                client.sendmail("stranger@outside.example", ["anna@company.example"], text)
        except (OSError, smtplib.SMTPException) as fault:
            if all(400 <= code < 500 for code in reply_codes(fault)):
                self.later += 1
            else:
                self.unanswered.append(f"{number}: {fault!r}")
            return False
        self.longest = max(self.longest, time.monotonic() - began)
        return True


def reply_codes(fault: Exception) -> list[int]:
    """Codes with which the server refused; 0 when it did not answer."""
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in fault.recipients.values()]
    return [fault.smtp_code] if isinstance(fault, smtplib.SMTPResponseException) else [0]


def main(stop: Path, report: Path) -> None:
    """Runs the clients, and writes the report when all have ended."""
    stream = Stream(stop)
    clients = [threading.Thread(target=stream.run_client, args=(first,)) for first in range(SESSIONS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    found = {"accepted": sorted(stream.accepted), "later": stream.later, "unanswered": stream.unanswered, "longest": stream.longest}
    report.with_suffix(".new").write_text(json.dumps(found))
    report.with_suffix(".new").rename(report)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
