"""Security events for a SIEM from the audit log: sign-ins, second factors, tokens, rights, approvals, exports (Elastic Common Schema).

No event has a secret, a message's content or the reason that somebody typed. docs/reference/security-events.md lists them all.
"""

import json
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from triage import ids
from triage.access.staff_login import NEW_PLACE
from triage.actor import EMPLOYEE
from triage.compliance.audit.verify_chain import TAMPERED
from triage.config.alert_types import BRAKE, OWNERS, REMOVAL
from triage.config.settings import Settings
from triage.store.models.audit import AuditRecord

ECS = "8.11.0"
ALERT, WARNING, NOTICE, INFORMATIONAL = 1, 4, 5, 6  # severities of syslog (RFC 5424, 6.2.1)
LONGEST = 7000  # bytes of an event: a receiver should take 8,192 (RFC 5425, 4.3.1)
LONGEST_TEXT, MOST_NAMED = 200, 20
CONFIDENTIAL = "confidential"  # in place of a confidential folder
ACCOUNTS = ("staff", EMPLOYEE)  # kinds of subjects that are people
OF_STAFF = " staff: "  # in a change of the directory: it is about a staff account
DETAILS = (  # of an entry, that a SIEM may know
    *("asked_by", "cause", "changed", "enforcement", "factor", "first", "grants", "items", "left", "machine", "method", "minutes", "mode"),
    *("name", "needs", NEW_PLACE, "number", "provider", "result", "rights", "role", "second_factor", "staff", "through", "until"),
)
SHOWN_AS = {NEW_PLACE: "new_sign_in_address", "mode": "enforcement"}  # details that sealed entries have by an older name


@dataclass(frozen=True, slots=True)
class Kind:
    """Classification of an act (ECS, "Categorization fields")."""

    category: tuple[str, ...]
    type: tuple[str, ...]
    outcome: str = "success"
    severity: int = INFORMATIONAL


SIGN_IN, SESSION, ACCOUNT = ("authentication",), ("authentication", "session"), ("iam",)
CONFIGURATION, DATA = ("configuration",), ("database",)
CHANGED = Kind(ACCOUNT, ("user", "change"), severity=NOTICE)
DETAILED = ("staff", "token", "webmail-link", "alert", "alarm")  # acts of several kinds
EVENTS: dict[str, dict[str, Kind]] = {  # by act, and by what it did or why; "" is all else
    "sign-in": {"": Kind(SIGN_IN, ("start",))},
    "sign-in-failed": {"": Kind(SIGN_IN, ("start",), "failure", WARNING)},
    "sign-in-locked": {"": Kind(SIGN_IN, ("info",), "failure", ALERT)},
    "sign-out": {"": Kind(SESSION, ("end",))},
    "unlock": {"": Kind(SESSION, ("start",))},
    "break-glass": {"": Kind(SIGN_IN, ("start",), severity=ALERT)},
    "staff": {
        "": CHANGED,
        "add": Kind(ACCOUNT, ("user", "creation"), severity=NOTICE),
        "remove": Kind(ACCOUNT, ("user", "deletion"), severity=NOTICE),
        "recovery-code-used": Kind(SIGN_IN, ("info",), severity=NOTICE),
        "second-factor-reset": Kind(ACCOUNT, ("user", "change"), severity=WARNING),
    },
    "substitute": {"": CHANGED},
    "end-substitute": {"": CHANGED},
    "directory": {"": Kind(ACCOUNT, ("change",))},
    "token": {
        "create": Kind(ACCOUNT, ("creation",), severity=NOTICE),
        "new-place": Kind(SIGN_IN, ("info",), severity=NOTICE),
        "revoke": Kind(ACCOUNT, ("deletion",), severity=NOTICE),
    },
    "webmail-link": {
        "create": Kind(ACCOUNT, ("creation",), severity=NOTICE),
        "revoke": Kind(ACCOUNT, ("deletion",), severity=NOTICE),
    },
    "request-approval": {"": Kind(ACCOUNT, ("admin", "info"), "unknown")},
    "approval-confirmed": {"": Kind(ACCOUNT, ("admin", "info"))},
    "approval-declined": {"": Kind(ACCOUNT, ("admin", "info"), "failure", NOTICE)},
    "approval-withdrawn": {"": Kind(ACCOUNT, ("admin", "info"), "failure")},
    "approval-expired": {"": Kind(ACCOUNT, ("admin", "info"), "failure")},
    "approve-address": {"": Kind(ACCOUNT, ("admin", "info"), severity=NOTICE)},
    "decline-address": {"": Kind(ACCOUNT, ("admin", "info"), "failure", NOTICE)},
    "export": {"": Kind(DATA, ("access",), severity=NOTICE)},
    "export-person-data": {"": Kind(DATA, ("access",), severity=WARNING)},
    "erase-person-data": {"": Kind(DATA, ("change",), severity=NOTICE)},
    "open": {"": Kind(DATA, ("access",), severity=NOTICE)},
    "hunt": {"": Kind(DATA, ("access",), severity=WARNING)},
    "hunt-show": {"": Kind(DATA, ("access",), severity=WARNING)},
    "hunt-close": {"": Kind(DATA, ("change",))},
    "legal-hold": {"": Kind(DATA, ("change",))},
    "lift-legal-hold": {"": Kind(DATA, ("change",), severity=NOTICE)},
    "alert": {
        REMOVAL: Kind(DATA, ("change",), severity=ALERT),
        BRAKE: Kind(ACCOUNT, ("change",), "failure", WARNING),
        OWNERS: Kind(ACCOUNT, ("change",), "unknown", WARNING),
    },
    "open-emergency": {"": Kind(CONFIGURATION, ("change",), severity=ALERT)},
    "close-emergency": {"": Kind(CONFIGURATION, ("change",), severity=NOTICE)},
    "set-enforcement": {"": Kind(CONFIGURATION, ("change",), severity=NOTICE)},
    "settings": {"": Kind(CONFIGURATION, ("change",), severity=NOTICE)},
    "restore": {"": Kind(CONFIGURATION, ("change",), severity=WARNING)},
    "delete-entries": {"": Kind(DATA, ("change",), severity=NOTICE)},
    TAMPERED: {"": Kind(DATA, ("change",), "failure", ALERT)},
}
NAMES_BEFORE = {  # names of acts in entries before 0.1.0, which nobody may change, and today's
    "alarm": "alert",
    "ask-second-key": "request-approval",
    "let-go": "delete-entries",
    "mode": "set-enforcement",
    "second-key-confirmed": "approval-confirmed",
    "second-key-declined": "approval-declined",
    "second-key-lapsed": "approval-expired",
    "second-key-withdrawn": "approval-withdrawn",
}
EVENTS |= {before: EVENTS[today] for before, today in NAMES_BEFORE.items()}


def describe_events(records: Iterable[AuditRecord], settings: Settings, confidential: Set[str]) -> Iterator[dict[str, Any]]:
    """The events of these confidential records, in their order.

    `confidential`: folders and their people (as scopes) that no event names.
    """
    for record in records:
        if kind := kind_of(record):
            yield shorten_event(describe_event(record, kind, settings, confidential))


def kind_of(record: AuditRecord) -> Kind | None:
    """Classifies an act for a SIEM; None: no security event."""
    known = EVENTS.get(record.act, {})
    return known.get(variant_of(record)) or known.get("")


def variant_of(record: AuditRecord) -> str:
    """Returns the variant of an act that comes in several kinds."""
    return str(record.detail.get("what") or record.detail.get("cause") or "") if record.act in DETAILED else ""


def describe_event(record: AuditRecord, kind: Kind, settings: Settings, confidential: Set[str]) -> dict[str, Any]:
    """Describes an audit entry as a security event."""
    action = "-".join(filter(None, (record.act, variant_of(record))))
    user, target, client = user_of(record), target_of(record), client_of(record)
    subject = CONFIDENTIAL if record.subject in confidential else record.subject
    return {
        "@timestamp": record.at.isoformat(),
        "ecs": {"version": ECS},
        "message": f"{record.by}: {action} {subject}",
        "event": {
            "id": ids.format_id(record.id),  # the same when it is sent again
            "kind": "alert" if kind.severity == ALERT else "event",
            "category": list(kind.category),
            "type": list(kind.type),
            "action": action,
            "outcome": kind.outcome,
            "severity": kind.severity,
            "sequence": record.sequence,
            "provider": "mailroom",
            "dataset": "mailroom.audit",
        }
        | ({"reason": find_reason(record)} if find_reason(record) else {}),
        "host": {"name": settings.company.hostname},
        "user": ({"name": user} if user else {}) | ({"target": {"name": target}} if target else {}),
        "related": {"user": sorted({user, target} - {""}), "ip": [client] if client else []},
        "mailroom": {"by": record.by, "subject": subject} | details_of(record, confidential),
    } | ({"source": {"ip": client, "address": client}} if client else {})


def user_of(record: AuditRecord) -> str:
    """Returns the account that did it, or tried to; "" where no account has that name: it may be a password."""
    actor, _, name = record.by.partition(":")
    kind, _, account = record.subject.partition(":")
    return account if actor == "system" and kind in ACCOUNTS else name if actor != "system" else ""


def target_of(record: AuditRecord) -> str:
    """The account that it was done to, if it is another one."""
    kind, _, account = record.subject.partition(":")
    return account if kind in ACCOUNTS and account != user_of(record) else ""


def client_of(record: AuditRecord) -> str:
    """The network address that it came from; "" where there is none."""
    for given in (record.detail.get("client"), record.detail.get("from")):
        try:
            return str(ip_address(str(given)))
        except ValueError:
            continue
    return ""


def find_reason(record: AuditRecord) -> str:
    """Mailroom's own sentence about why."""
    return str(record.detail.get("fault") or record.detail.get("why") or "")[:LONGEST_TEXT]


def details_of(record: AuditRecord, confidential: Set[str]) -> dict[str, Any]:
    """Returns further details that a SIEM may have; nothing that names a confidential folder."""
    detail = record.detail | {"items": record.items}
    scope = detail.get("scope") or []
    named = [scope] if isinstance(scope, str) else list(scope)
    if not confidential.isdisjoint([*named, record.subject]):
        return {CONFIDENTIAL: True}
    if record.act == "directory":
        detail["staff"] = [one for one in detail.get("changes", ()) if OF_STAFF in one]
    given = {SHOWN_AS.get(name, name): shorten_value(detail[name]) for name in DETAILS if detail.get(name)}
    return given | ({"scope": shorten_value(named)} if named else {})


def shorten_value(value: Any) -> Any:
    """A value of a bounded length; of a table only the names."""
    if isinstance(value, (list, tuple, dict)):
        return [str(one)[:LONGEST_TEXT] for one in list(value)[:MOST_NAMED]]
    return value if isinstance(value, (bool, int)) else str(value)[:LONGEST_TEXT]


def shorten_event(event: dict[str, Any]) -> dict[str, Any]:
    """The event without its details where it would be too long for a receiver."""
    if len(write_line(event)) <= LONGEST:
        return event
    return event | {"mailroom": {name: event["mailroom"][name] for name in ("by", "subject")} | {"shortened": True}}


def write_line(event: dict[str, Any]) -> bytes:
    """The event as one line of ASCII, without the line's end."""
    return json.dumps(event, ensure_ascii=True, separators=(",", ":")).encode("ascii")
