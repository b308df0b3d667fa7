#!/usr/bin/env python3
"""Tell a chat, in words of your own, when time-limited messages wait: a receiver of Mailroom's webhooks that checks their signature.

    mailroom webhooks secret > /etc/mailroom/chat.key           # the key, for both sides
    CHAT_URL=https://hooks.slack.example/… python3 notify_chat.py --secret-file /etc/mailroom/chat.key --chat slack

    [webhooks.hooks.chat]                                  # mailroom.toml; then restart `mailroom webhooks`
    url = "http://127.0.0.1:9009/"
    secret_file = "/etc/mailroom/chat.key"
    events = ["time-limited.waiting"]

`mailroom webhooks test chat` shows whether all of it works. Where Mailroom's own words will do, none of this is needed: `format =
"slack"` or "teams" calls the chat itself. What comes without a good signature, or is older than five minutes, is refused. Mailroom
hears 204 only after the chat has taken the notice, and calls again until then, so that none is lost; what comes twice is told once.
No sender and no subject is in it unless the hook says `details = true`.
"""

import argparse
import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import time
import urllib.request
from collections import OrderedDict
from pathlib import Path
from typing import ClassVar

FRESH = 300  # seconds that a call may be old
LARGEST = 256 * 1024  # bytes of a call
REMEMBERED = 1000  # calls that doubles are known by
EVENT_TYPES = ("time-limited.waiting", "perishable.waiting", "webhook.test")  # the second: its name before 0.1.0


def keys(file):
    """The keys, one a line: while a new one comes in both are good."""
    for line in Path(file).read_text("utf-8").split():
        yield base64.b64decode(line.removeprefix("whsec_")) if line.startswith("whsec_") else line.encode()


def is_genuine(headers, body, file, now):
    """Did somebody who has the key say this, and just now?"""
    event, at, given = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not at.isascii() or not at.isdigit() or abs(now - int(at)) > FRESH:
        return False
    said = f"{event}.{at}.".encode() + body
    good = [b"v1," + base64.b64encode(hmac.digest(key, said, hashlib.sha256)) for key in keys(file)]
    return any(hmac.compare_digest(one, other.encode()) for one in good for other in given.split())


def words(event):
    """The notice, in your words."""
    if event["type"] == "webhook.test":
        yield event["text"]
        return
    about = event["data"]
    department = f" for {about['department']}" if about.get("department") else ""
    until = f", good until {about['moment'][11:16]} UTC" if about.get("moment") else ""
    yield f"{about['number']} time-limited message{'' if about['number'] == 1 else 's'} waiting{department}{until}."
    for mail in about.get("messages") or about.get("mails") or ():  # the second: of calls stored before an upgrade to 0.1.0
        yield f"{mail['sender']}: {mail['subject']}"


def slack(lines, link):
    """A message for Slack, Mattermost or Rocket.Chat, in which nothing calls people or links anywhere."""
    text = "\n".join(lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "@\u200b")
    return {"text": text + (f"\n<{link}|Open the queue>" if link else ""), "mrkdwn": False, "unfurl_links": False}


def teams(lines, link):
    """An Adaptive Card for a Teams workflow; its rich text reads no Markdown."""
    blocks = [{"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line}]} for line in lines]
    card = {"type": "AdaptiveCard", "version": "1.4", "body": blocks}
    if link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the queue", "url": link}]
    return {"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]}


CHATS = {"slack": slack, "teams": teams}


class Receiver(http.server.BaseHTTPRequestHandler):
    """Receives webhook calls from Mailroom."""

    timeout = 10  # seconds that a caller may be silent
    asked = None  # what stood on the command line
    url = ""  # of the chat: whoever knows it writes there
    sent: ClassVar = OrderedDict()  # ids of events that were sent

    def do_POST(self):
        """Check it, tell the chat, and only then say that it is done."""
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > LARGEST:
            self.answer(413, "too large")
            return
        body = self.rfile.read(int(length))
        if not is_genuine(self.headers, body, self.asked.secret_file, time.time()):
            self.answer(401, "the signature is not good, or the call is old")
            return
        said, event = json.loads(body), self.headers["webhook-id"]
        if "type" not in said:
            self.answer(422, 'the webhook needs format = "json"')
            return
        if said["type"] in EVENT_TYPES and event not in self.sent:
            try:
                self.tell(said)
            except (OSError, ValueError) as fault:
                print(f"notify_chat: {type(fault).__name__}: the chat did not take {event}, Mailroom calls again", file=sys.stderr)
                self.answer(503, "the chat does not answer")
                return
            self.sent[event] = True
            while len(self.sent) > REMEMBERED:
                self.sent.popitem(last=False)
        self.answer(204)

    def tell(self, said):
        """Say it in the chat; OSError when that does not take it."""
        notice = CHATS[self.asked.chat](list(words(said)), said["data"].get("link", ""))
        request = urllib.request.Request(self.url, json.dumps(notice).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=8) as answer:
            answer.read()

    def answer(self, status, why=""):
        """Answer with this status."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(why)))
        self.end_headers()
        self.wfile.write(why.encode())

    def log_message(self, format, *args):
        """Log nothing: failures of a notice are reported where they happen."""


def main():
    """Listen."""
    parser = argparse.ArgumentParser(description="Tell a chat when time-limited messages wait.")
    parser.add_argument("--secret-file", required=True, help="the key of the webhook, as in its secret_file")
    parser.add_argument("--chat", required=True, choices=list(CHATS), help="slack is for Mattermost and Rocket.Chat too")
    parser.add_argument("--listen", default="127.0.0.1:9009", metavar="HOST:PORT", help="default: 127.0.0.1:9009")
    asked = parser.parse_args()
    url = os.environ.get("CHAT_URL", "")
    if not url.startswith(("https://", "http://")):
        parser.error("put the address of the chat's incoming webhook into $CHAT_URL")
    if not list(keys(asked.secret_file)):
        parser.error(f"{asked.secret_file} holds no key; `mailroom webhooks secret` makes one")
    host, _, port = asked.listen.rpartition(":")
    Receiver.asked, Receiver.url = asked, url
    with http.server.HTTPServer((host, int(port)), Receiver) as server:
        print(f"listening on {host}:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as fault:
        sys.exit(f"notify_chat: {fault}")
    except KeyboardInterrupt:
        sys.exit(0)
