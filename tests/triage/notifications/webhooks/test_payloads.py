"""Payloads of webhooks in each format, with the signature of Standard Webhooks."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from triage.notifications.webhooks import payloads
from triage.notifications.webhooks.payloads import Detail, Occurrence

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
EVIL = Detail("<!channel>@here.example", "[win](https://evil.example) \x1b[31m*now* <https://evil.example|here>")
TOLD = Occurrence("0ABC", "decision.made", AT, 7, "Ana Roth: purge, 1 mail.", {"count": 1}, link="https://mailroom.example")


def payload_of(form: str) -> Any:
    return json.loads(payloads.call_body(TOLD, form, (EVIL,)))


def test_programs_get_everything_apart() -> None:
    assert payload_of("json") == {
        "type": "decision.made",
        "timestamp": "2026-11-24T09:30:00+00:00",
        "sequence": 7,
        "text": "Ana Roth: purge, 1 mail.",
        "data": {
            "count": 1,
            "messages": [{"sender": EVIL.sender, "subject": EVIL.subject.replace("\x1b", "\\x1b")}],
            "link": "https://mailroom.example",
        },
    }


@pytest.mark.parametrize("form", ["json", "slack", "teams"])
def test_without_details_nothing_is_told_that_a_sender_wrote(form: str) -> None:
    bare = payloads.call_body(TOLD, form)
    assert "evil" not in bare
    assert "here.example" not in bare


def test_a_mail_calls_nobody_in_a_chat_and_links_nowhere() -> None:
    text = payload_of("slack")["text"]
    assert text.count("<") == text.count(">") == 1  # our own link
    assert text.endswith("\n<https://mailroom.example|Open the queue>")
    assert "&lt;!channel&gt;@\u200bhere[.]example" in text
    assert "[win](hxxps://evil[.]example)" in text  # Mattermost reads Markdown, whatever it is asked
    (attachment,) = payload_of("teams")["attachments"]
    card = attachment["content"]
    assert {run["type"] for block in card["body"] for run in block["inlines"]} == {"TextRun"}  # reads no Markdown
    assert "https://evil" not in json.dumps(card["body"])  # but makes links of what looks like one
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open the queue", "url": "https://mailroom.example"}]


@given(st.text(), st.text(), st.sampled_from(["json", "slack", "teams"]))
def test_whatever_a_sender_writes_it_stays_json_without_control_characters(sender: str, subject: str, form: str) -> None:
    made = payloads.call_body(TOLD, form, (Detail(sender, subject),))
    json.loads(made)
    assert not any(ord(one) < 32 or 0x7F <= ord(one) < 0xA0 for one in made)


def test_the_signature_is_the_one_of_the_specification() -> None:
    # the example of the Standard Webhooks libraries
    key, event, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}'
    assert payloads.sign_call(key, event, body, 1614265330) == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_key_signs_so_that_keys_can_be_changed() -> None:
    new = payloads.new_key()
    fields = payloads.call_headers("0ABC", ["plain words", new], b"{}", 5)
    expected = [
        base64.b64encode(hmac.digest(key, b"0ABC.5.{}", hashlib.sha256)).decode()
        for key in (b"plain words", base64.b64decode(new.removeprefix("whsec_")))
    ]
    assert fields == {"webhook-id": "0ABC", "webhook-timestamp": "5", "webhook-signature": " ".join(f"v1,{one}" for one in expected)}
    assert "webhook-signature" not in payloads.call_headers("0ABC", [], b"{}", 5)


def test_a_key_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="what follows whsec_ is no base64"):
        payloads.call_headers("0ABC", ["whsec_***"], b"{}", 5)
