"""The command `mailroom-submit`: a drop-in for sendmail(8) that writes one file into the submission spool.

No rights, no network, no database: whoever may write into one directory can send. Exit codes are those of sysexits.h.
"""

import getopt
import os
import re
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO

from mta.outbound.header_fields import field_name, field_value, split_fields
from mta.outbound.submission_file import SubmittedMessage, is_address, read_limits, write_submission

DIRECTORY = "/var/spool/mailroom-submit"  # where MAILROOM_SUBMIT_DIRECTORY names no other
OPTIONS = "A:B:b:C:d:e:F:f:GH:h:IimnN:L:O:o:p:q:R:r:tUvV:X:x:"
REFUSED_MODES = {
    "s": "-bs: SMTP on standard input is not offered; send the message on standard input, with -t or its recipients",
    "d": "-bd: this command is no server; Mailroom's services take messages",
    "D": "-bD: this command is no server; Mailroom's services take messages",
    "p": "-bp: ask `mailroom outgoing` for the queue",
    "i": "-bi: there is no alias database here",
    "a": "-ba: ARPANET mode is not offered",
    "t": "-bt: there are no addresses to test here",
    "v": "-bv: addresses are not verified here",
    "h": "-bh: there are no host states here",
    "H": "-bH: there are no host states here",
}
REFUSED = {
    "-I": "-I: there is no alias database here",
    "-q": "-q: Mailroom's relay runs the queue; `mailroom outgoing` shows it",
    "-C": "-C: there is no other configuration here",
    "-X": "-X: traffic is not logged here",
    "-R": "-R: delivery status notifications cannot be asked for here",
    "-N": "-N: delivery status notifications cannot be asked for here",
}
REFUSED_NAMES = {
    "mailq": REFUSED_MODES["p"],
    "newaliases": REFUSED_MODES["i"],
    "smtpd": REFUSED_MODES["d"],
}
EMPTY_GROUP = re.compile(r'[^;,<>"():]*:\s*;')  # undisclosed-recipients:;
RECIPIENT_FIELDS = (b"to", b"cc", b"bcc")
BLIND = (b"bcc", b"resent-bcc")


class Refusal(Exception):
    """Reason why nothing was sent, with the exit code."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Options:
    """Options and recipients of the command line."""

    def __init__(self, words: list[str]) -> None:
        """Refusal names an option that is not offered."""
        self.from_header = self.ignores_dots = False
        self.sender: str | None = None
        self.name = os.environ.get("NAME", "")
        try:
            given, self.recipients = getopt.gnu_getopt(words, OPTIONS)
        except getopt.GetoptError as fault:
            raise Refusal(os.EX_USAGE, REFUSED.get(f"-{fault.opt}", f"{show(fault.msg)}; see sendmail(8)")) from fault
        for option, value in given:
            self.take(option, value)

    def take(self, option: str, value: str) -> None:
        """Takes one option. What only changes how a queue is run means nothing here, and is accepted."""
        if option in REFUSED and not (option == "-N" and value.lower() == "failure"):
            raise Refusal(os.EX_USAGE, REFUSED[option])
        if option == "-b" and value != "m":
            raise Refusal(os.EX_USAGE, REFUSED_MODES.get(value[:1], f"-b{show(value)}: there is no such mode"))
        if option in ("-f", "-r"):
            self.sender = bare_address(value)
            if self.sender and not is_address(self.sender):
                raise Refusal(os.EX_USAGE, f"-f: “{show(value)}” is no address, such as ana@example.org")
        self.name = value if option == "-F" else self.name
        self.from_header |= option == "-t"
        self.ignores_dots |= option == "-i" or (option == "-o" and value == "i")


def main() -> int:
    """Send what stands on standard input; the exit code. What went wrong is said on standard error."""
    program = sys.argv[0].rpartition("/")[2]
    try:
        if program in REFUSED_NAMES:
            raise Refusal(os.EX_USAGE, REFUSED_NAMES[program])
        submit_message(Options(sys.argv[1:]), sys.stdin.buffer if sys.stdin else None)
    except Refusal as refusal:
        sys.stderr.write(f"mailroom-submit: {refusal}\n")
        return refusal.code
    except KeyboardInterrupt:
        return os.EX_TEMPFAIL
    return os.EX_OK


def submit_message(options: Options, source: BinaryIO | None) -> None:
    """Read the message, complete its header and put it into the spool. Refusal when it is not there for good."""
    directory = os.environ.get("MAILROOM_SUBMIT_DIRECTORY") or DIRECTORY
    max_size, max_recipients = read_limits(directory)
    if source is None:
        raise Refusal(os.EX_NOINPUT, "standard input is closed: there is no message")
    text = read_message(source, max_size, ignores_dots=options.ignores_dots)
    fields, body = split_fields(text)
    recipients = find_recipients(options, fields)
    if len(recipients) > max_recipients:
        raise Refusal(os.EX_UNAVAILABLE, f"too many recipients ({len(recipients)}): at most {max_recipients} are accepted")
    raw = complete_header(fields) + b"\r\n" + body
    if len(raw) > max_size:
        raise too_large(max_size)
    try:
        write_submission(directory, SubmittedMessage(options.sender, recipients, options.name, raw))
    except OSError as fault:
        raise spool_refusal(directory, fault) from fault


def spool_refusal(directory: str, fault: OSError) -> Refusal:
    """Says what to do about a spool that did not take the message."""
    if isinstance(fault, PermissionError):
        return Refusal(os.EX_NOPERM, f"you may not write to {directory}: join its group; the message was not sent")
    if isinstance(fault, (FileNotFoundError, NotADirectoryError)):
        return Refusal(os.EX_CONFIG, f"{directory} is no directory: name one in MAILROOM_SUBMIT_DIRECTORY; the message was not sent")
    return Refusal(os.EX_TEMPFAIL, f"{directory}: {fault.strerror}; the message was not sent, try again later")


def too_large(max_size: int) -> Refusal:
    """The message is larger than the role accepts."""
    return Refusal(os.EX_UNAVAILABLE, f"the message is larger than {max_size} bytes")


def read_message(source: BinaryIO, max_size: int, *, ignores_dots: bool) -> bytes:
    """The message with CRLF line ends: up to the end of input, or to a line that is a single dot."""
    lines: list[bytes] = []
    size = 0
    try:
        for line in iter(lambda: source.readline(max_size + 1), b""):
            if not ignores_dots and line in (b".\n", b".\r\n", b"."):
                break
            size += len(line)
            if size > max_size:
                raise too_large(max_size)
            lines.append(line)
    except OSError as fault:
        raise Refusal(os.EX_IOERR, f"standard input: {fault.strerror}") from fault
    text = b"".join(lines)
    if b"\0" in text:
        raise Refusal(os.EX_DATAERR, "the message holds a NUL byte: encode it in base64")
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def complete_header(fields: list[bytes]) -> bytes:
    """The header without Bcc, with Date and Message-ID (RFC 5322, 3.6). The role adds From, for it knows who submits."""
    from email.utils import formatdate  # here, since it takes longer than all the rest

    names = {field_name(one) for one in fields}
    added = b""
    if b"date" not in names:
        added += f"Date: {formatdate(localtime=True)}\r\n".encode()
    if b"message-id" not in names:
        added += f"Message-ID: <{time.time_ns():x}.{os.urandom(8).hex()}@{host_name()}>\r\n".encode()
    return b"".join(one for one in fields if field_name(one) not in BLIND) + added


def host_name() -> str:
    """This machine's name, as it may stand in a Message-ID."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", os.uname().nodename) or "localhost"


def find_recipients(options: Options, fields: list[bytes]) -> tuple[str, ...]:
    """The recipients of the command line, and with -t those of the header. Refusal when one is no address, or there is none."""
    found = [address for word in options.recipients for address in addresses_in(word)]
    if options.from_header:
        resent = any(field_name(one).startswith(b"resent-") for one in fields)
        wanted = [(b"resent-" if resent else b"") + name for name in RECIPIENT_FIELDS]
        for field in fields:
            if field_name(field) in wanted:
                found += addresses_in(field_value(field))
    if not found:
        raise Refusal(os.EX_USAGE, "no recipients: name them, or give -t and a To field")
    return tuple(dict.fromkeys(found))


def addresses_in(text: str) -> Iterator[str]:
    """The addresses of a list such as `Ana <ana@example.org>, ben`. Refusal names what is none."""
    from email import utils  # as above

    members = EMPTY_GROUP.sub("", text)
    if not members.strip(" ,"):
        return
    # strict, it takes no domain literal (RFC 5321, section 4.1.3); Python before 3.11.10 knows no such word
    lenient = {"strict": False} if hasattr(utils, "supports_strict_parsing") else {}
    for _, address in utils.getaddresses([members], **lenient):
        if not is_address(address):
            raise Refusal(os.EX_DATAERR, f"“{show(text.strip())}” holds no address that can be used")
        yield address


def bare_address(text: str) -> str:
    """An address without the angle brackets that some programs write; "" for the null sender."""
    text = text.strip()
    return text[1:-1].strip() if text.startswith("<") and text.endswith(">") else text


def show(text: str) -> str:
    """Text for a terminal: a hundred characters at most, and no control character."""
    return "".join(one if one.isprintable() else "?" for one in text[:100])


if __name__ == "__main__":
    sys.exit(main())
