"""Forwarded messages of employees: at most five are found, with plain texts, whatever the bytes."""

from triage.message.forwarded import MOST, Pointed, referenced_messages

SEEDS = (
    b"From: joe@company.example\r\nSubject: Fwd: x\r\n\r\n---\r\nFrom: Eve <e@x.example>\r\nSubject: x\r\n\r\nHello\r\n",
    b"Content-Type: message/rfc822\r\n\r\nX-Mailroom-Message: 1\r\nMessage-ID: <a@b>\r\n\r\nx",
    b'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: x/y; name="a.eml"\r\n\r\nFrom: a@b\r\n\r\nx\r\n--b--\r\n',
    b"X-Mailroom-Message: 0ANBPKHPGKT0S\r\nFrom: a@b.example\r\n\r\n\xff\x00",
    b"Subject: \xff\r\n\r\n> *Von:* <a@b.example>\r\n> *Betreff:* y\r\n",
)


def one_input(data: bytes) -> None:
    """`data` is a message to the report address."""
    found = referenced_messages(data)
    assert len(found) <= MOST
    for one in found:
        assert Pointed.from_json(one.as_json()) == one
        assert one.digest == "" or len(one.digest) == 64
        assert "\n" not in one.author + one.subject + one.message_id
