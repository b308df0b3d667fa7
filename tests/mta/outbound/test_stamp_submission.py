"""Sender of a submitted message: From, Sender and the envelope, for trusted users and others."""

from dataclasses import replace

import pytest

from mta.outbound.header_fields import split_fields
from mta.outbound.stamp_submission import Submitter, envelope_of, stamp_message, submitter_of
from mta.outbound.submission_file import SubmittedMessage
from triage.config.settings import Settings

ANA = "ana@host.example"
STRANGER = Submitter(1000, "ana", ANA)
TRUSTED = replace(STRANGER, trusted=True)


def stamped(settings: Settings, header: str, by: Submitter = STRANGER, name: str = "") -> list[str]:
    """The header fields behind Received."""
    message = SubmittedMessage(None, ("a@x.org",), name, header.replace("\n", "\r\n").encode() + b"\r\nbody\r\n")
    raw = stamp_message(message, by, envelope_of(message, by, spool_id=7, settings=settings), hostname="mx.company.example")
    fields, body = split_fields(raw)
    assert body == b"body\r\n"
    return [one.decode().removesuffix("\r\n") for one in fields[1:]]


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        ("", [f"From: {ANA}"]),
        (f"From: {ANA}\n", [f"From: {ANA}"]),
        (f"From: <{ANA.upper()}>\n", [f"From: <{ANA.upper()}>"]),
        (f"From: Night check <{ANA}>\n", [f"From: Night check <{ANA}>"]),
        (f'From: "Night check" <{ANA}>\n', [f'From: "Night check" <{ANA}>']),
        ("From: root (Cron Daemon)\n", [f"From: {ANA}", "X-Original-From: root (Cron Daemon)"]),
        ("From: chief@x.org\n", [f"From: {ANA}", "X-Original-From: chief@x.org"]),
        (f"From: chief@x.org <{ANA}>\n", [f"From: {ANA}", f"X-Original-From: chief@x.org <{ANA}>"]),
        (f'From: "a" <chief@x.org>, <{ANA}>\n', [f"From: {ANA}", f'X-Original-From: "a" <chief@x.org>, <{ANA}>']),
        (f"From: =?utf-8?q?chief=40x?= <{ANA}>\n", [f"From: {ANA}", f"X-Original-From: =?utf-8?q?chief=40x?= <{ANA}>"]),
        (f"From: {ANA}\nfrom : b@x\n", [f"From: {ANA}", f"X-Original-From: {ANA}", "X-Original-from : b@x"]),
        (f"From: {ANA}\nSender: chief@x.org\nReturn-Path: <c@x>\n", [f"From: {ANA}"]),
    ],
)
def test_from_is_the_submitters(settings: Settings, header: str, fields: list[str]) -> None:
    assert stamped(settings, header) == fields


@pytest.mark.parametrize(
    ("header", "name", "fields"),
    [
        ("From: chief@x.org\nSender: c@x\n", "", ["From: chief@x.org", "Sender: c@x"]),
        ("", "Cron Daemon", [f"From: Cron Daemon <{ANA}>"]),
        ("", "chief@x.org", [f"From: {ANA}"]),
        ("", "a\r\nBcc: x", [f"From: {ANA}"]),
    ],
)
def test_a_trusted_user_and_a_missing_from(settings: Settings, header: str, name: str, fields: list[str]) -> None:
    assert stamped(settings, header, TRUSTED, name) == fields


@pytest.mark.parametrize(
    ("by", "sender", "path"),
    [
        (STRANGER, None, ANA),
        (STRANGER, "chief@x.org", ANA),
        (STRANGER, "", ""),
        (TRUSTED, None, ANA),
        (TRUSTED, "", ""),
        (TRUSTED, "chief@x.org", "chief@x.org"),
        (TRUSTED, "root", "root@mx.company.example"),
    ],
)
def test_the_envelope_sender(settings: Settings, by: Submitter, sender: str | None, path: str) -> None:
    message = SubmittedMessage(sender, ("root", "a@x.org", "root@mx.company.example"), "", b"")
    envelope = envelope_of(message, by, spool_id=7, settings=settings)
    assert (envelope.reverse_path, envelope.recipients) == (path, ("root@mx.company.example", "a@x.org"))


def test_who_a_number_is(settings: Settings) -> None:
    settings = replace(settings, outbound=replace(settings.outbound, submit_domain="host.example", submit_trusted=("root",)))
    assert submitter_of(0, settings) == Submitter(0, "root", "root@host.example", trusted=True)
    assert submitter_of(61_999, settings) == Submitter(61_999, "", "uid61999@host.example")
