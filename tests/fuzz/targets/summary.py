"""A whole mail: what is said of it holds no control character, and comes back from JSON as it was."""

import json

from tests.triage.message.mime.test_smime import streamed
from tests.triage.message.test_summary import assert_harmless
from triage.message.summary import Summary, make_summary, summarise_json

SEEDS = (
    b"From: Ana <ana@example.com>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nSee https://www.example.com/x.\r\n",
    b"Content-Type: text/html; charset=utf-7\r\n\r\n<a href=//x.example>www.bank.example</a><form><input type=password>",
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\n'
    b"Content-Type: application/zip; name*0*=utf-8''%e2%80%ae; name*1=gpj.exe\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nUEsDBA==\r\n--b--\r\n",
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\nStatus: 5.1.1\r\n\r\n--b\r\n"
    b"Content-Type: message/rfc822\r\n\r\nMessage-ID: <a@b>\r\n--b--\r\n",
    b"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\n"
    b"BEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=Europe/Berlin:20261127T100000\r\n",
    b"Content-Type: te\x7fxt/calendar; method=REQUEST\r\n\r\nUID:1\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=E2=80=AE=\r\n=00\xff",
    b"From: \x1b$B2q5D\x1b(B <a@b.example>\r\nSubject: \x1b$B2q\x1b(B\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\nx\r\n",
    b"From: MAILER-DAEMON@b.example\r\n\r\nIt failed.\r\n\r\nFrom: a@b.example\r\nDate: x\r\nMessage-ID: <a@b>\r\n\r\nx\r\n",
    b"Content-Type: application/pkcs7-mime\r\n\r\n" + streamed([b"Content-Type: text/html\r\n\r\n", b"<b>bold</b>"]),
)


def one_input(data: bytes) -> None:
    """`data` is a message."""
    summary = make_summary(data)
    assert_harmless(summary)
    assert Summary.from_json(json.loads(summarise_json(data, {}))) == summary
    assert not make_summary(data, headers_only=True).text
