"""API client of the recipes: a token, retries while the server is busy. It needs Python alone; copy it with them."""

import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

BUSY = (429, 503)  # try again
PAUSES = (1, 2, 4, 8, 16, 32)  # seconds between tries: a minute in all, which is what a token's requests are counted by
PAGE = 200  # items
AT_ONCE = 2000  # rules in a request


class Refused(Exception):
    """The API said no. `problem` is the whole document: `lines`, where some of a file are wrong."""

    def __init__(self, status, problem):
        super().__init__(problem.get("detail") or problem.get("title") or f"the answer was {status}")
        self.status, self.problem = status, problem


class Mailroom:
    """The API with a token."""

    def __init__(self, url, token):
        self.base, self.token = f"{url.rstrip('/')}/api/v1", token

    def get(self, path, **words):
        """Look at something."""
        return json.loads(self.text(path, **words))

    def text(self, path, **words):
        """Read an answer that is not JSON, such as CSV."""
        with self.ask("GET", with_words(path, words)) as answer:
            return answer.read().decode()

    def lines(self, path, **words):
        """Read a long answer line by line; raises an exception where it breaks off."""
        with self.ask("GET", with_words(path, words)) as answer:
            for line in answer:
                yield line.decode()

    def items(self, path, **words):
        """Yields the items of a list, page after page."""
        cursor = {}
        while cursor is not None:
            page = self.get(path, limit=PAGE, **words, **cursor)
            yield from page["items"]
            cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None

    def post(self, path, order):
        """Do something; asked again with the same key it is done once."""
        with self.ask("POST", path, order, {"Idempotency-Key": uuid.uuid4().hex}) as answer:
            return json.loads(answer.read() or b"null")

    def delete(self, path):
        """Take something away."""
        self.ask("DELETE", path).close()

    def make_rules(self, rules, *, dry_run=False):
        """Make rules, as `mailroom rules export` writes them: how many were made, how many were there, and why some are none, by sender.

        Rules that need a second look are not made: somebody looks at the held messages first, and makes them then.
        """
        made, kept, refused = 0, 0, {}
        for begin in range(0, len(rules), AT_ONCE):
            part = rules[begin : begin + AT_ONCE]
            while part:
                try:
                    done = self.post("/rules/import", {"text": "\n".join(map(json.dumps, part)), "dry_run": dry_run})
                    faults = left_out(part, done)
                except Refused as refusal:  # all or nothing: once more without those that are wrong
                    faults = left_out(part, refusal.problem)
                    if not faults:
                        raise
                if not faults:
                    made, kept, part = made + done["made"], kept + done["kept"], []
                refused |= faults
                part = [one for one in part if one["sender"] not in faults]
        return made, kept, refused

    def ask(self, method, path, order=None, more=()):
        """Sends a request and returns the answer for reading; retries while the server is busy."""
        body = None if order is None else json.dumps(order).encode()
        head = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **dict(more)}
        pauses = list(PAUSES)
        while True:
            request = urllib.request.Request(self.base + path, body, head, method=method)
            try:
                return urllib.request.urlopen(request, timeout=120)
            except urllib.error.HTTPError as fault:
                if fault.code not in BUSY or not pauses:
                    raise Refused(fault.code, document(fault.read())) from None
                time.sleep(max(pauses.pop(0), int(fault.headers.get("Retry-After") or 0)))


def left_out(part, said):
    """Reasons why some rules are not made, by sender: the line is wrong, or they would allow messages that need a second look."""
    faults = {part[one["line"] - 1]["sender"]: one["reason"] for one in said.get("lines", ()) if "reason" in one}
    asking = {one["value"]: f"this needs a second look ({', '.join(one['names'])})" for one in said.get("rules", ())}
    values = {one["sender"]: one["sender"].removeprefix("list:").strip(" <>@.").casefold() for one in part}
    return faults | {sender: asking[value] for sender, value in values.items() if value in asking}


def with_words(path, words):
    """A path with what is asked for."""
    return f"{path}?{urllib.parse.urlencode(words)}" if words else path


def document(body):
    """Text of a refusal; a proxy before the server may answer in other words."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def arguments(text):
    """A parser for the command line, whose first word is the server."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("url", help="such as https://mailroom.example")
    return parser


def opened(parser):
    """Parse the command line and open its server; the token comes from $MAILROOM_TOKEN."""
    asked = parser.parse_args()
    if not asked.url.startswith(("https://", "http://")):
        parser.error("the address begins with https://")
    token = os.environ.get("MAILROOM_TOKEN") or parser.error("put the token into $MAILROOM_TOKEN")
    return asked, Mailroom(asked.url, token)


def plain(text):
    """Text from mail or from a feed without anything that a terminal obeys."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def run(name, main):
    """Run a recipe; what is in its way is one line, and the exit code 1."""
    try:
        sys.exit(main())
    except (Refused, OSError, ValueError, http.client.HTTPException) as fault:
        sys.exit(f"{name}: {plain(str(fault))}")
