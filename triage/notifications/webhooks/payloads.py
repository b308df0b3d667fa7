"""Payloads of webhooks: an event as JSON or as a chat message, and its signature (Standard Webhooks)."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from triage.text.defuse_links import defuse_text
from triage.text.sanitize import escape_visible

PREFIX = "whsec_"  # of a key in base64
SHOWN = 200  # characters of a sender or subject
LISTED = 5  # messages whose sender and subject are named


@dataclass(frozen=True, slots=True)
class Detail:
    """Sender and subject of one message: all that a webhook may learn of it, where it may learn that."""

    sender: str
    subject: str

    @property
    def words(self) -> str:
        """For a person to read, in a chat that makes links of what looks like one."""
        return f"{defuse_text(self.sender)}: “{defuse_text(self.subject) or '(no subject)'}”"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Event that webhooks report, each once."""

    id: str
    kind: str  # webhooks.EVENTS
    at: datetime
    sequence: int  # of the record: what is greater was recorded later
    text: str  # a sentence, without anything that a sender wrote
    data: Mapping[str, Any]
    departments: frozenset[str] = frozenset()  # whom it concerns; empty: everybody
    messages: Mapping[tuple[str, ...], tuple[Detail, ...]] = field(default_factory=dict)  # by the departments that a hook is told of
    link: str = field(default="", kw_only=True)  # to the console


def call_body(event: Occurrence, form: str, messages: Sequence[Detail] = ()) -> str:
    """The body of the call, as JSON. `messages`: those that are named in it."""
    shown = [Detail(escape_visible(one.sender)[:SHOWN], escape_visible(one.subject)[:SHOWN]) for one in messages[:LISTED]]
    made = {"slack": slack_payload, "teams": teams_payload, "json": plain_payload}[form](event, shown)
    return json.dumps(made, ensure_ascii=False, separators=(",", ":"))


def plain_payload(event: Occurrence, messages: Sequence[Detail]) -> dict[str, Any]:
    """Builds the payload for programs."""
    named = [{"sender": one.sender, "subject": one.subject} for one in messages]
    data = dict(event.data) | ({"messages": named} if named else {})
    data |= {"link": event.link} if event.link else {}
    return {"type": event.kind, "timestamp": event.at.isoformat(), "sequence": event.sequence, "text": event.text, "data": data}


def slack_payload(event: Occurrence, messages: Sequence[Detail]) -> dict[str, Any]:
    """Builds the payload for Slack, Mattermost and Rocket.Chat. Text of a message mentions nobody and links nowhere."""
    text = "\n".join(chat_lines(event, messages))
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    link = f"\n<{event.link}|Open the queue>" if event.link else ""
    return {"text": escaped.replace("@", "@\u200b") + link, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}


def teams_payload(event: Occurrence, messages: Sequence[Detail]) -> dict[str, Any]:
    """Builds the payload for a Teams workflow: an Adaptive Card. Its rich text reads no Markdown, so text of a message links nowhere."""
    blocks = [
        {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line, "weight": "Default" if place else "Bolder"}]}
        for place, line in enumerate(chat_lines(event, messages))
    ]
    card: dict[str, Any] = {"type": "AdaptiveCard", "version": "1.4", "body": blocks}
    if event.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the queue", "url": event.link}]
    return {"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]}


def chat_lines(event: Occurrence, messages: Sequence[Detail]) -> list[str]:
    """Returns the lines that a chat shows."""
    return [event.text, *(one.words for one in messages)]


def call_headers(event: str, keys: Iterable[str], said: bytes, at: int) -> dict[str, str]:
    """Returns the headers of a call. `at`: of this attempt, seconds since 1970. ValueError when a key is none."""
    signatures = [f"v1,{sign_call(key, event, said, at)}" for key in keys]
    named = {"webhook-id": event, "webhook-timestamp": str(at)}
    return named | ({"webhook-signature": " ".join(signatures)} if signatures else {})


def sign_call(key: str, event: str, said: bytes, at: int) -> str:
    """HMAC-SHA-256 over id, time and body, in base64 (Standard Webhooks, "Signature scheme")."""
    signed = f"{event}.{at}.".encode() + said
    return base64.b64encode(hmac.digest(key_bytes(key), signed, hashlib.sha256)).decode()


def key_bytes(key: str) -> bytes:
    """The key behind its text: base64 after `whsec_`, or the text itself."""
    if not key.startswith(PREFIX):
        return key.encode()
    try:
        return base64.b64decode(key.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("secret_file: what follows whsec_ is no base64; `mailroom webhooks secret` makes a key") from None


def new_key() -> str:
    """A key for both sides."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
