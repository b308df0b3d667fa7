"""Doctor checks of notifications: webhooks, SIEM, daily digests."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from triage.config import secret_files
from triage.config.settings import Settings
from triage.config.webhooks import Hook
from triage.errors import BadInput
from triage.notifications import digests, event_streams
from triage.notifications.webhooks import outbox, payloads
from triage.notifications.webhooks.outbox import Fared
from triage.store import db
from triage.text.numbers import format_count
from triage.text.sanitize import escape_visible
from triage.times import utcnow
from triage_cli.client.local_setup import database_of
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding
from triage_cli.doctor.network_checks import check_expiry
from webhooks import event_sender, syslog_tls, web_push

UNSENT = timedelta(minutes=5)  # that security events may wait
SHORTEST = 24  # bytes of a key (Standard Webhooks)
PLAIN = "http://"


def check_webhooks(settings: Settings) -> Iterator[Finding]:
    """Can each webhook be called and signed, and does it succeed? A database that does not answer has a finding of its own."""
    hooks = settings.webhooks.hooks
    if not hooks:
        return
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            fared = outbox.read_standings(session, [hook.name for hook in hooks])
    except BadInput:
        return
    for hook, one in zip(hooks, fared, strict=True):
        what = f"webhook {hook.name}"
        yield from find_lacking(hook, what)
        yield describe_webhook(one, what)


def find_lacking(hook: Hook, what: str) -> Iterator[Finding]:
    """Reports what a webhook's settings lack: a readable URL and key files, a long enough key, encryption for details."""
    try:
        url, keys = secret_files.url_of(hook), [payloads.key_bytes(key) for key in secret_files.keys_of(hook)]
    except (OSError, ValueError) as fault:
        yield Finding(FAIL, what, f"cannot be called: {fault}", "correct url_file or secret_file, and give this user read access")
        return
    if any(len(key) < SHORTEST for key in keys):
        yield Finding(WARN, what, f"a key is shorter than {SHORTEST} bytes", "make one with `mailroom webhooks secret`")
    if hook.format == "json" and not keys:
        yield Finding(WARN, what, "calls are not signed: anyone can forge them", "set secret_file, and check it there")
    if hook.details and url.startswith(PLAIN):
        yield Finding(WARN, what, "senders and subjects go out unencrypted", "use https://")


def describe_webhook(one: Fared, what: str) -> Finding:
    """Reports the state of a webhook: waiting calls, failures and the last success."""
    waits = f"{format_count(one.waiting, 'call')} waiting" + (f" since {one.oldest:%d %b %H:%M} UTC" if one.oldest else "")
    if one.gone:
        found = f"the receiver refuses calls ({one.last_reply}); {waits}"
        return Finding(FAIL, what, found, f"correct it there; then `mailroom webhooks resume {one.name}`")
    if one.ails:
        found = f"{format_count(one.failures, 'call')} failed in a row: {one.last_reply}; {waits}"
        return Finding(FAIL, what, found, "correct the receiver or the URL; Mailroom retries until webhooks.give_up_after")
    return Finding(OK, what, f"{waits}; the last one succeeded {one.succeeded_at:%d %b %H:%M} UTC" if one.succeeded_at else waits)


def check_web_push(settings: Settings) -> Iterator[Finding]:
    """Can web push to browsers of staff be signed?"""
    if not settings.webhooks.push_key_file:
        return
    try:
        web_push.read_key(settings)
    except (OSError, ValueError) as fault:
        yield Finding(FAIL, "web push", f"cannot be signed: {fault}", "correct webhooks.push_key_file, and give this user read access")
        return
    yield Finding(OK, "web push", f"signed; goes to {', '.join(settings.webhooks.push_services)}")


def check_siem(settings: Settings) -> Iterator[Finding]:
    """Are security events sent, and does the syslog server show a certificate that counts?"""
    siem = settings.siem
    if siem.lines not in ("", event_sender.STDOUT) and not Path(siem.lines).parent.is_dir():
        yield Finding(
            FAIL, "siem", f"siem.lines: there is no directory {Path(siem.lines).parent}", "make it, writable for the role webhooks"
        )
    if siem.syslog:
        yield from check_syslog_server(settings)
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            unsent = {one: event_streams.find_unsent(session, one) for one in event_streams.list_streams(settings)}
    except BadInput:  # a database that does not answer has a finding of its own
        return
    for stream, (number, first) in unsent.items():
        yield describe_stream(stream, number, first)


def check_syslog_server(settings: Settings) -> Iterator[Finding]:
    """Checks that the syslog server answers, and how long its certificate is valid."""
    what, server = "siem", settings.siem.syslog
    try:
        with syslog_tls.connect_server(settings.siem) as connection:
            leaf = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
    except OSError as fault:
        do = "check the server, the firewall, siem.ca_file and certificate_file; events wait in the audit log until then"
        yield Finding(FAIL, what, f"{server} accepts no events: {escape_visible(str(fault) or type(fault).__name__)}", do)
        return
    yield check_expiry(leaf.not_valid_after_utc, f"{what} {server}", "renew the certificate of the syslog server")


def describe_stream(stream: str, number: int, first: datetime | None) -> Finding:
    """Reports how many security events of a stream wait, and since when."""
    if first and utcnow() - first > UNSENT:
        found = f"{format_count(number, 'security event')} waiting for siem.{stream} since {first:%d %b %H:%M} UTC"
        return Finding(FAIL, "siem", found, "check that the role webhooks runs, and read its log")
    return Finding(OK, "siem", f"siem.{stream}: {format_count(number, 'event') + ' to send' if number else 'all events are sent'}")


def check_employees(settings: Settings) -> Iterator[Finding]:
    """Do the links of the daily digest work for employees?"""
    notices, what = settings.notices, "employees"
    clock = digest_clock(settings)
    if not (notices.requests or clock):
        return
    lacks = list(lacking_for_employees(settings, clock))
    for found, do in lacks:
        yield Finding(WARN, what, found, do)
    if not lacks:
        letter = f"get the daily digest at {clock}" if clock else "get no daily digest"
        yield Finding(OK, what, f"{letter}, and {'can request messages' if notices.requests else 'ask ' + notices.digest_contact}")


def digest_clock(settings: Settings) -> str:
    """At what time the daily digest goes out; "" where nobody gets one. A database that does not answer has a finding of its own."""
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            return digests.get_digest(session, settings, utcnow()).clock
    except BadInput:
        return ""


def lacking_for_employees(settings: Settings, clock: str) -> Iterator[tuple[str, str]]:
    """Yields what keeps employees from asking for their messages, and what to do about it."""
    notices = settings.notices
    if notices.requests and "directory" not in settings.api.sign_in:
        yield (
            "[notices] requests is on, but there is no password sign-in",
            'name "directory" in api.sign_in (docs/how-to/staff-accounts.md)',
        )
    elif notices.requests and not settings.api.public_url:
        yield "the digest has no links, because api.public_url is empty", "set api.public_url"
    if clock and not digests.may_ask(settings) and not notices.digest_contact:
        found = f"the daily digest names only {settings.sender} to ask for a message"
        yield found, "set notices.requests, or notices.digest_contact"
