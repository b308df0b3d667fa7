"""One mail transaction with the next hop, for one recipient or many: pipelined where that is offered, an answer for each."""

import re
import smtplib
from dataclasses import dataclass, replace

PATH = re.compile(r'(?:[^\x00-\x20\x7f<>"\\]+|"(?:[^\x00-\x1f\x7f"\\]|\\[\x20-\x7e])*"@[^\x00-\x20\x7f<>"\\]+)?')
# 5xx replies about the connection, not about the message: bad sequence, no mail here (RFC 7504), STARTTLS or sign-in wanted (RFC 4954)
ABOUT_THE_CONNECTION = frozenset({503, 521, 530, 534, 535, 538})
AT_ONCE = 64 * 1024  # bytes of a message for which the next hop has the time of an answer (RFC 5321, 4.5.3.2.5)
# Too many recipients, or no space, as it is said (RFC 5321, 4.5.3.1.10: 552 means 452 there; RFC 3463, 3.6), and in words alone
TOO_MANY = re.compile(r"[45]52 |[45]\d\d [45]\.5\.3\b|[45]\d\d .*\btoo many recipients", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mail:
    """One message and whom it is for. `raw` has CRLF line ends only."""

    reverse_path: str
    mailboxes: tuple[str, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the next hop said for one recipient in the end."""

    kind: str  # delivered, deferred, bounced; unanswered: it may have been delivered
    reply: str
    hang_up: bool = False  # the connection is of no more use
    unreachable: bool = False  # no message was asked about at all
    crowded: bool = False  # others were accepted beside this one: a further transaction may take it


class Ended(Exception):
    """The transaction is over for everybody."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reply)
        self.answer = answer


class Dialogue:
    """The commands of a transaction and their replies, one by one, or in one write where PIPELINING is offered (RFC 2920)."""

    def __init__(self, connection: smtplib.SMTP, commands: list[str]) -> None:
        self.connection, self.commands = connection, commands
        self.pipelined = connection.has_extn("pipelining")
        if self.pipelined:
            self.write(commands)

    def write(self, commands: list[str]) -> None:
        """Lines whose addresses are `possible`: no command hides in one."""
        self.connection.send("".join(f"{command}\r\n" for command in commands).encode(self.connection.command_encoding))

    def reply(self) -> tuple[int, bytes]:
        """The reply to the next command."""
        command = self.commands.pop(0)
        if not self.pipelined:
            self.write([command])
        return self.connection.getreply()

    def wind_up(self, refused: Answer) -> Answer:
        """Nobody was accepted: take in what was asked ahead; the refusal, which ends the connection when DATA was accepted all the same.

        RFC 2920, 3.1 would end the empty message with a dot. We rather hang up: nothing can come of that.
        """
        answer = (0, b"")
        while self.pipelined and self.commands:
            answer = self.reply()
        return replace(refused, hang_up=refused.hang_up or answer[0] == 354)


def begin(connection: smtplib.SMTP, mail: Mail, *, kept: bool) -> list[Answer | None]:
    """MAIL, RCPT for each, and DATA: the refusal of each mailbox, None for those that the message may now be sent for.

    `kept`: the connection was used before, so it is asked for a clean start. The mailboxes are `possible`. Ended when it
    is over for all.
    """
    if not possible(mail.reverse_path, null=True):
        raise Ended(impossible(mail.reverse_path))
    options = extensions(connection, mail)
    rcpt = [f"RCPT TO:<{mailbox}>" for mailbox in mail.mailboxes]
    dialogue = Dialogue(connection, [*(["RSET"] if kept else []), f"MAIL FROM:<{mail.reverse_path}>{options}", *rcpt, "DATA"])
    if kept:
        clean_start(dialogue.reply())
    refused = refusal(dialogue.reply(), 2)
    if refused:
        raise Ended(refused if refused.hang_up else dialogue.wind_up(refused))
    return recipients(dialogue, len(mail.mailboxes))


def possible(address: str, *, null: bool = False) -> bool:
    """Can a command carry this address (RFC 5321, 4.1.2)? `null`: the empty one too."""
    return bool(PATH.fullmatch(address)) and (null or bool(address))


def impossible(address: str) -> Answer:
    """The refusal of an address that no command can carry."""
    return Answer("bounced", f"<{address}> is no address that SMTP can carry")


def recipients(dialogue: Dialogue, count: int) -> list[Answer | None]:
    """The replies to RCPT and DATA. Ended when one of them is about the connection."""
    found = [about_recipient(dialogue.reply()) for _ in range(count)]
    if found[-1] and None not in found:
        return [*found[:-1], dialogue.wind_up(found[-1])]
    refused = refusal(dialogue.reply(), 3)
    if refused and refused.hang_up:
        raise Ended(refused)
    return [refused if answer is None else crowded(answer) for answer in found]


def about_recipient(answer: tuple[int, bytes]) -> Answer | None:
    """A refusal of one recipient; Ended when it is about the connection."""
    refused = refusal(answer, 2)
    if refused and refused.hang_up:
        raise Ended(refused)
    return refused


def crowded(refused: Answer) -> Answer:
    """A refusal beside others who were accepted: too many recipients at once are worth a further transaction."""
    return replace(refused, crowded=TOO_MANY.match(refused.reply) is not None)


def extensions(connection: smtplib.SMTP, mail: Mail) -> str:
    """What MAIL asks for. A next hop that lacks what the message needs is a permanent failure that staff can read (mailflow.md 12)."""
    international = not all(address.isascii() for address in (mail.reverse_path, *mail.mailboxes))
    eight_bit, size = not mail.raw.isascii(), len(mail.raw)
    if international and not connection.has_extn("smtputf8"):
        raise Ended(Answer("bounced", "the next hop does not take international addresses (it offers no SMTPUTF8)"))
    if eight_bit and not connection.has_extn("8bitmime"):
        raise Ended(Answer("bounced", "the next hop does not take 8-bit messages (it offers no 8BITMIME)"))
    limit = connection.esmtp_features.get("size", "")
    if limit.isdigit() and 0 < int(limit) < size:
        raise Ended(Answer("bounced", f"the next hop takes messages of at most {limit} bytes (SIZE), this one has {size}"))
    connection.command_encoding = "utf-8" if international else "ascii"
    wanted = {f" SIZE={size}": connection.has_extn("size"), " BODY=8BITMIME": eight_bit, " SMTPUTF8": international}
    return "".join(option for option, needed in wanted.items() if needed)


def refusal(answer: tuple[int, bytes], wanted: int) -> Answer | None:
    """None when the reply's first digit is `wanted`. What is neither 4xx nor 5xx was not expected: try again on a new connection."""
    code = answer[0]
    if code // 100 == wanted:
        return None
    permanent = code // 100 == 5 and code not in ABOUT_THE_CONNECTION
    lost = code == 421 or code in ABOUT_THE_CONNECTION or code // 100 not in (4, 5)
    return Answer("bounced" if permanent else "deferred", said(answer), hang_up=lost)


def clean_start(answer: tuple[int, bytes]) -> None:
    """Ended unless the connection may be used again: no answer to RSET is about the message that comes next."""
    if answer[0] // 100 != 2:
        raise Ended(Answer("deferred", said(answer), hang_up=True))


def hand_over(connection: smtplib.SMTP, mail: Mail, waiting: list[Answer | None], *, lmtp: bool, timeout: float) -> list[Answer]:
    """Send the message to the final dot for those who wait for it; SMTP answers once for all, LMTP for each (RFC 2033, 4.2).

    `timeout`: seconds to wait for an answer after the final dot: who gives up too soon delivers twice (RFC 5321, 4.5.3.2.6).
    """
    expecting = waiting.count(None)
    if not expecting:
        return [answer for answer in waiting if answer]
    whole = memoryview(stuffed(mail.raw) + b".\r\n")
    for start in range(0, len(whole), AT_ONCE):  # a socket's timeout is for all of what it is given
        connection.send(whole[start : start + AT_ONCE])
    assert connection.sock is not None
    usual = connection.sock.gettimeout()
    connection.sock.settimeout(timeout)
    answers = [final(connection)]
    while lmtp and len(answers) < expecting and not answers[-1].hang_up:
        answers.append(final(connection))
    if connection.sock:
        connection.sock.settimeout(usual)
    answers += answers[-1:] * (expecting - len(answers))
    following = iter(answers)
    return [answer or next(following) for answer in waiting]


def final(connection: smtplib.SMTP) -> Answer:
    """One answer after the final dot."""
    try:
        answer = connection.getreply()
    except OSError as fault:
        return Answer("unanswered", f"no answer after the final dot, so it may have arrived: {fault}", hang_up=True)
    return refusal(answer, 2) or Answer("delivered", said(answer))


def stuffed(raw: bytes) -> bytes:
    """Lines that begin with a dot get a second one (RFC 5321, 4.5.2); the last line ends."""
    stuffed = raw.replace(b"\r\n.", b"\r\n..")
    return (b"." if raw.startswith(b".") else b"") + stuffed + (b"" if raw.endswith(b"\r\n") else b"\r\n")


def said(answer: tuple[int, bytes]) -> str:
    """A reply in words: code and text."""
    code, text = answer
    return f"{code if code >= 0 else 'not SMTP:'} {text.decode('utf-8', 'replace')}"
