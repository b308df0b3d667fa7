"""A department's filters see who is verified: Dovecot's own Sieve interpreter runs a script over mirrored copies."""

import os
import pwd
import subprocess
from datetime import UTC, datetime

import pytest

from mailboxes.mirror.mirror_message import annotate_message
from tests.peers import processes
from triage.message.authentication import Authentication, Dmarc, Result
from triage.message.signals.severity import Severity
from triage.message.trace.mailroom_fields import Evidence
from triage.quarantine.mail_moves.mirror_copies import Held

pytestmark = pytest.mark.peers

SCRIPT = """require ["fileinto", "mailbox"];
if header :is "X-Mailroom-Verified" "dmarc brassworks.example" { fileinto "Brassworks"; }
elsif header :is "X-Mailroom-Risk" ["suspicious", "dangerous"] { fileinto "Careful"; }
elsif header :is "X-Mailroom-Group" "000000000000N" { fileinto "Wave"; }
"""
CONFIGURATION = """dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
base_dir = {place}
mail_home = {place}
mail_driver = maildir
mail_path = {place}/messages
mail_uid = {user.pw_uid}
mail_gid = {user.pw_gid}
first_valid_uid = 1
first_valid_gid = 1
"""
AUTHOR = "sales@brassworks.example"
PASSED, FAILED = (Authentication(AUTHOR, dmarc=Dmarc(one, "brassworks.example")) for one in (Result.PASS, Result.FAIL))
MAIL = b"From: Brassworks <sales@brassworks.example>\r\nSubject: Offer\r\n\r\nHello\r\n"
FORGED = (
    b"X-Mailroom-Verified: dmarc brassworks.example\r\nx-mailroom-risk : none\r\nX-Mailroom-Group: 000000000000N\r\n"
    b"Authentication-Results: mx.company.example; dmarc=pass header.from=brassworks.example\r\n" + MAIL
)


@pytest.mark.parametrize(
    ("raw", "authentication", "evidence", "folder"),
    [
        pytest.param(MAIL, PASSED, Evidence(), "Brassworks", id="verified"),
        pytest.param(MAIL, FAILED, Evidence(), "INBOX", id="forged author"),
        pytest.param(FORGED, FAILED, Evidence(), "INBOX", id="our fields forged"),
        pytest.param(FORGED, FAILED, Evidence(Severity.DANGEROUS), "Careful", id="dangerous"),
        pytest.param(MAIL, FAILED, Evidence(campaign=21), "Wave", id="of a campaign"),
    ],
)
def test_a_filter_goes_by_what_we_found(raw: bytes, authentication: Authentication, evidence: Evidence, folder: str) -> None:
    held = Held(8, raw, authentication, evidence, datetime(2026, 11, 24, 12, tzinfo=UTC), is_time_limited=False)
    copy = annotate_message(held, copy=7, authserv_id="mx.company.example")
    assert copy.count(b"Authentication-Results: mx.company.example;") == 1
    assert f"store message in folder: {folder}\n" in run_filter(copy)


def run_filter(message: bytes) -> str:
    """Runs the script over a message; returns the log. Dovecot never runs as root, and others may not enter pytest's own directories."""
    user = pwd.getpwuid(os.getuid() or pwd.getpwnam("nobody").pw_uid)
    with processes.short_directory("sieve") as place:
        (place / "rules.sieve").write_text(SCRIPT)
        (place / "message").write_bytes(message)
        (place / "dovecot.conf").write_text(CONFIGURATION.format(place=place, user=user))
        command = ["sieve-test", "-c", "dovecot.conf", "rules.sieve", "message"]
        return subprocess.run(command, cwd=place, capture_output=True, text=True, check=True).stdout
