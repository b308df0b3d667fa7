"""Token scopes of operations: read for lists, the resource's grant for actions, admin for the rest."""

import re

from triage.actor import Grant

Operations = tuple[tuple[str, re.Pattern[str]], ...]  # methods and paths
WEBMAIL: Operations = (  # what the webmail of a member of staff asks and does for them
    ("GET", re.compile(r"/(me|recipients|decisions|rejections/templates|webmail/messages/[^/]+)")),
    ("POST", re.compile(r"/(selections/preview|rejections/preview|rules/offers|decisions|decisions/[^/]+/undo)")),
)
OWN_WEBMAIL: Operations = (  # and that of an employee
    ("GET", re.compile(r"/me/(name|messages|deliveries)")),
    ("POST", re.compile(r"/me/(requests|reports|expected-senders)")),
    ("DELETE", re.compile(r"/me/expected-senders/[^/]+")),
)
API = "/api/v1"
READ_ONLY = frozenset({"GET", "HEAD"})
PEOPLES = frozenset(
    {"session", "sessions", "second-factors", "training", "preferences", "presence", "snoozes", "webmail-links"}
)  # a token neither signs in nor learns
SCREENS = "viewed"  # last word of what a console says of its screen: a token has none
EVERY = frozenset({"me"})  # tells a token about itself
EMPLOYEES = "/me/"  # what employees see and ask about their own messages
# administrators' business, also to look at
GUARDED = frozenset({"audit", "folder-readers", "hunts", "installation", "legal-holds", "person-data", "staff", "tokens", "webhooks"})
EFFECTS = frozenset({"/enforcement/preview", "/start-list/import"})  # what only administrators may do, also to look at beforehand
LOOKING = frozenset({"preview", "explain", "offers", "test"})  # last words of POSTs that change nothing
ACTING = {
    "decisions": Grant.DECIDE,
    "outgoing": Grant.DECIDE,
    "approvals": Grant.DECIDE,
    "confidential-removals": Grant.DECIDE,
    "escalations": Grant.DECIDE,
    "requests": Grant.DECIDE,
    "reported": Grant.DECIDE,
    "campaigns": Grant.DECIDE,
    "assignments": Grant.DECIDE,
    "deliveries": Grant.DECIDE,
    "searches": Grant.DECIDE,
    "changed-proofs": Grant.RULES,
    "rules": Grant.RULES,
    "start-list": Grant.RULES,
    "learn": Grant.LEARN,
    "contacts": Grant.RULES,
}


def is_peoples(path: str) -> bool:
    """Whether no token may use this operation. `path` is the part after API."""
    return path.startswith(EMPLOYEES) or path_resource(path) in PEOPLES or path.rpartition("/")[2] == SCREENS


def is_for_webmail(method: str, path: str, operations: Operations) -> bool:
    """Whether webmail may use this operation. `path` is the part after API."""
    return any(method == verb and paths.fullmatch(path) for verb, paths in operations)


def needed_grant(method: str, path: str) -> Grant | None:
    """The grant that a token needs for the operation; None where every token may."""
    first, last = path_resource(path), path.rpartition("/")[2]
    if first in EVERY:
        return None
    if first in GUARDED or path in EFFECTS:
        return Grant.ADMIN
    if method in READ_ONLY or last in LOOKING:
        return Grant.READ
    return ACTING.get(first, Grant.ADMIN)


def path_resource(path: str) -> str:
    """The first part of a path."""
    return path.strip("/").partition("/")[0]
