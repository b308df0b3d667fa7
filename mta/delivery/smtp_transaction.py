"""SMTP transaction with the next hop, for one recipient or many: pipelined where the server offers it, an answer for each."""

import re
import smtplib
from dataclasses import dataclass, replace

from mta.delivery.server_limits import Allowance
from triage.say import say

PATH = re.compile(r'(?:[^\x00-\x20\x7f<>"\\]+|"(?:[^\x00-\x1f\x7f"\\]|\\[\x20-\x7e])*"@[^\x00-\x20\x7f<>"\\]+)?')
# 5xx replies about the connection, not about the message: bad sequence, no mail here (RFC 7504), STARTTLS or sign-in wanted (RFC 4954)
ABOUT_THE_CONNECTION = frozenset({503, 521, 530, 534, 535, 538})
AT_ONCE = 64 * 1024  # bytes of a message for which the next hop has the time of an answer (RFC 5321, 4.5.3.2.5)
# Too many recipients for one message (RFC 3463, 3.6), also in words alone: for now, whatever the code (RFC 5321, 4.5.3.1.10)
TOO_MANY = re.compile(r"[45]\d\d (?:[45]\.5\.3\b|.*\b(?:too many recipients(?! from)|recipient count exceeds))", re.IGNORECASE | re.DOTALL)
NO_ROOM = re.compile(r"[45]52 ")  # the same, or no space: beside others who were accepted it is worth a further transaction
# The quota of a day or an hour is used up, which ends by itself: congestion (RFC 3463, 3.5; Google), and the words and codes of Microsoft
USED_UP = re.compile(
    r"5\d\d (?:5\.4\.5\b|5\.1\.90\b|5\.2\.12[12]\b|5\.7\.23[236]\b|5\.2\.[02] .*submission ?quota"
    r"|5\.2\.1 .*receiving e?mail (?:too quickly|at a rate))",
    re.IGNORECASE | re.DOTALL,
)
# We send faster than the next hop takes mail, in the words of Amazon, Microsoft, Postfix, Exim and Rspamd; 4.2.z is about one mailbox
TOO_FAST = re.compile(
    r"4\d\d (?!4\.2\.).*(?:throttl|rate.?limit|(?:sending|submission|message|connection) rate\b|concurrent connection|thread limit"
    r"|too (?:much mail|many (?:messages|mails|connections)|many recipients from)|too (?:fast|quickly)|slow down)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Mail:
    """Message and its recipients. `raw` has CRLF line ends only."""

    reverse_path: str
    mailboxes: tuple[str, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """Final reply of the next hop for one recipient."""

    kind: str  # delivered, deferred, bounced; unanswered: it may have been delivered
    reply: str
    hang_up: bool = False  # the connection is of no more use
    unreachable: bool = False  # no message was asked about at all
    crowded: bool = False  # there were too many recipients: a further transaction with fewer may take this one
    too_fast: bool = False  # the next hop takes mail, but not as fast as we send it
    shut_out: bool = False  # it does not let us sign in: somebody has to mend that, and asking often makes it worse


NOT_ASKED = Answer("deferred", say("the next hop takes fewer recipients at once (LIMITS)"), crowded=True)


class Ended(Exception):
    """The transaction is over for everybody."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reply)
        self.answer = answer


def unreachable_outcome(reply: str) -> Ended:
    """Returns the outcome for a next hop that is not there, or does not want us now: no message was refused."""
    return Ended(Answer("deferred", reply, hang_up=True, unreachable=True))


def shut_out(reply: str) -> Ended:
    """The same, until somebody here puts the sign-in right."""
    return Ended(Answer("deferred", reply, hang_up=True, unreachable=True, shut_out=True))


class Dialogue:
    """The commands of a transaction and their replies, one by one, or in one write where PIPELINING is offered (RFC 2920)."""

    def __init__(self, connection: smtplib.SMTP, commands: list[str]) -> None:
        self.connection, self.commands = connection, commands
        self.pipelined = connection.has_extn("pipelining")
        if self.pipelined:
            self.write(commands)

    def write(self, commands: list[str]) -> None:
        """Lines whose addresses are `is_possible_address`: no command hides in one."""
        self.connection.send("".join(f"{command}\r\n" for command in commands).encode(self.connection.command_encoding))

    def reply(self) -> tuple[int, bytes]:
        """The reply to the next command."""
        command = self.commands.pop(0)
        if not self.pipelined:
            self.write([command])
        return self.connection.getreply()

    def wind_up(self, refused: Answer) -> Answer:
        """Ends a transaction without accepted recipients: reads the outstanding replies; hangs up if DATA was accepted all the same.

        RFC 2920, 3.1 would end the empty message with a dot. Hanging up is safer: no message can come of it.
        """
        answer = (0, b"")
        while self.pipelined and self.commands:
            answer = self.reply()
        return replace(refused, hang_up=refused.hang_up or answer[0] == 354)


def begin_transaction(connection: smtplib.SMTP, mail: Mail, allowance: Allowance, *, kept: bool) -> list[Answer | None]:
    """MAIL, RCPT for each, and DATA: the refusal of each mailbox, None for those that the message may now be sent for.

    `kept`: the connection was used before, so it is asked for a clean start. The mailboxes are `is_possible_address`, and the `allowance`
    lasts for some of them; nothing is asked about the others. Ended when it is over for all.
    """
    if not is_possible_address(mail.reverse_path, null=True):
        raise Ended(refuse_impossible_address(mail.reverse_path))
    options = mail_parameters(connection, mail)
    asked = allowance.spend(mail.mailboxes)
    rcpt = [f"RCPT TO:<{mail.mailboxes[place]}>" for place in asked]
    dialogue = Dialogue(connection, [*(["RSET"] if kept else []), f"MAIL FROM:<{mail.reverse_path}>{options}", *rcpt, "DATA"])
    if kept:
        clean_start(dialogue.reply())
    refused = check_reply(dialogue.reply(), 2)
    if refused:
        raise Ended(refused if refused.hang_up else dialogue.wind_up(refused))
    answers = dict(zip(asked, send_recipients(dialogue, len(asked)), strict=True))
    return [answers.get(place, NOT_ASKED) for place in range(len(mail.mailboxes))]


def is_possible_address(address: str, *, null: bool = False) -> bool:
    """Whether a command can carry this address (RFC 5321, 4.1.2). `null`: the empty one too."""
    return bool(PATH.fullmatch(address)) and (null or bool(address))


def refuse_impossible_address(address: str) -> Answer:
    """The refusal of an address that no command can carry."""
    return Answer("bounced", say("SMTP cannot carry the address <{address}>", address=address))


def send_recipients(dialogue: Dialogue, count: int) -> list[Answer | None]:
    """The replies to RCPT and DATA. Ended when one of them is about the connection."""
    found = [about_recipient(dialogue.reply()) for _ in range(count)]
    if found[-1] and None not in found:
        return [*found[:-1], dialogue.wind_up(found[-1])]
    refused = check_reply(dialogue.reply(), 3)
    if refused and refused.hang_up:
        raise Ended(refused)
    refused = refused and refuse_crowded(refused)
    return [refused if answer is None else refuse_crowded(answer, beside_others=True) for answer in found]


def about_recipient(answer: tuple[int, bytes]) -> Answer | None:
    """A refusal of one recipient; Ended when it is about the connection."""
    refused = check_reply(answer, 2)
    if refused and refused.hang_up:
        raise Ended(refused)
    return refused


def refuse_crowded(refused: Answer, *, beside_others: bool = False) -> Answer:
    """A refusal for too many recipients at once; beside others who were accepted it may be said in the words for no space."""
    many = TOO_MANY.match(refused.reply) or (beside_others and NO_ROOM.match(refused.reply))
    return replace(refused, crowded=bool(many) and not refused.too_fast)


def mail_parameters(connection: smtplib.SMTP, mail: Mail) -> str:
    """Parameters of MAIL. A next hop that lacks what the message needs is a permanent failure that staff can read (mailflow.md 12)."""
    international = not all(address.isascii() for address in (mail.reverse_path, *mail.mailboxes))
    eight_bit, size = not mail.raw.isascii(), len(mail.raw)
    if international and not connection.has_extn("smtputf8"):
        raise Ended(Answer("bounced", say("the next hop does not take international addresses (it offers no SMTPUTF8)")))
    if eight_bit and not connection.has_extn("8bitmime"):
        raise Ended(Answer("bounced", say("the next hop does not take 8-bit messages (it offers no 8BITMIME)")))
    limit = connection.esmtp_features.get("size", "")
    if limit.isdigit() and 0 < int(limit) < size:
        too_large = say("the next hop takes messages of at most {limit} bytes (SIZE), this one has {size}", limit=int(limit), size=size)
        raise Ended(Answer("bounced", too_large))
    connection.command_encoding = "utf-8" if international else "ascii"
    wanted = {f" SIZE={size}": connection.has_extn("size"), " BODY=8BITMIME": eight_bit, " SMTPUTF8": international}
    return "".join(option for option, needed in wanted.items() if needed)


def check_reply(answer: tuple[int, bytes], wanted: int) -> Answer | None:
    """None when the reply's first digit is `wanted`. What is neither 4xx nor 5xx was not expected: try again on a new connection."""
    code = answer[0]
    if code // 100 == wanted:
        return None
    reply = describe_reply(answer)
    permanent = code // 100 == 5 and code not in ABOUT_THE_CONNECTION and not (TOO_MANY.match(reply) or USED_UP.match(reply))
    lost = code == 421 or code in ABOUT_THE_CONNECTION or code // 100 not in (4, 5)
    return Answer("bounced" if permanent else "deferred", reply, hang_up=lost, too_fast=TOO_FAST.match(reply) is not None)


def clean_start(answer: tuple[int, bytes]) -> None:
    """Ended unless the connection may be used again: no answer to RSET is about the message that comes next."""
    if answer[0] // 100 != 2:
        raise Ended(Answer("deferred", describe_reply(answer), hang_up=True))


def transmit_message(connection: smtplib.SMTP, mail: Mail, waiting: list[Answer | None], *, lmtp: bool, timeout: float) -> list[Answer]:
    """Send the message to the final dot for those who wait for it; SMTP answers once for all, LMTP for each (RFC 2033, 4.2).

    `timeout`: seconds to wait for an answer after the final dot: who gives up too soon delivers twice (RFC 5321, 4.5.3.2.6).
    """
    expecting = waiting.count(None)
    if not expecting:
        return [answer for answer in waiting if answer]
    assert connection.sock is not None
    whole = memoryview(dot_stuff(mail.raw) + b".\r\n")
    try:
        for start in range(0, len(whole), AT_ONCE):  # a socket's timeout is for all of what it is given
            connection.sock.sendall(whole[start : start + AT_ONCE])
    except OSError as fault:
        early = cut_short(connection, fault)
        return [answer or early for answer in waiting]
    usual = connection.sock.gettimeout()
    connection.sock.settimeout(timeout)
    answers = [read_final_reply(connection)]
    while lmtp and len(answers) < expecting and not answers[-1].hang_up:
        answers.append(read_final_reply(connection))
    if connection.sock:
        connection.sock.settimeout(usual)
    answers += answers[-1:] * (expecting - len(answers))
    following = iter(answers)
    return [answer or next(following) for answer in waiting]


def cut_short(connection: smtplib.SMTP, fault: OSError) -> Answer:
    """Last reply of a server that hangs up in the midst of a message; the fault where it sent none."""
    try:
        answer = connection.getreply()
    except OSError:
        raise fault from None
    refused = check_reply(answer, 2)
    if refused is None:
        raise fault
    return replace(refused, hang_up=True)


def read_final_reply(connection: smtplib.SMTP) -> Answer:
    """Reads one reply after the final dot."""
    try:
        answer = connection.getreply()
    except OSError as fault:
        return Answer("unanswered", say("no answer after the final dot, so it may have arrived: {why}", why=str(fault)), hang_up=True)
    refused = check_reply(answer, 2)
    return refuse_crowded(refused) if refused else Answer("delivered", describe_reply(answer))


def dot_stuff(raw: bytes) -> bytes:
    """Lines that begin with a dot get a second one (RFC 5321, 4.5.2); the last line ends."""
    stuffed = raw.replace(b"\r\n.", b"\r\n..")
    return (b"." if raw.startswith(b".") else b"") + stuffed + (b"" if raw.endswith(b"\r\n") else b"\r\n")


def describe_reply(answer: tuple[int, bytes]) -> str:
    """A reply in words: code and text."""
    code, text = answer
    return f"{code if code >= 0 else 'not SMTP:'} {text.decode('utf-8', 'replace')}"
