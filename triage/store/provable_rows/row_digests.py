"""Digests of rules, tokens, staff accounts and modes: hashes of their columns in the audit entry of the act that made or changed them.

A digest has a hash for each part of a row, as the act left it; then `found`, and the parts that the act found otherwise. An act may change
some parts only, and finds what the entry before left. So a change that no act made is found even where a later entry has a digest of the
changed row.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, case, null, select
from sqlalchemy.orm import QueryableAttribute
from sqlmodel import Session, col

from triage.ids import format_id, parse_id
from triage.store import db
from triage.store.models.rules import Emergency, EnforcementStep, Rule
from triage.store.models.staff import ApiToken, StaffMember
from triage.times import to_micros

GONE = "gone"  # the digest of a row that is no more
OTHERWISE = " found"  # between what an act left and the parts that it found otherwise
HASH = 32  # hexadecimal digits of a part's hash
AT_ONCE = 1000  # rows read at once
RENAME, KEEP = "rename-", "keep-"  # acts of each kind: its person is called otherwise; its entry is about to be deleted
Acts = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of one table that entries of the audit log are about: one row a subject, or all rows of a scope."""

    name: str
    key: Any  # column of the subject
    order: Any  # column: the order of rows of one subject
    subject_of: Callable[[Any], str]
    key_of: Callable[[str], Any]
    parts: Mapping[str, tuple[Any, ...]]  # columns, by part
    acts: Acts  # the parts that an act may change; "ACT WHAT" where its detail `what` matters
    makers: frozenset[str] = field(default_factory=frozenset)  # acts of which the first entry about such a row must be one; none: any

    @property
    def entries(self) -> frozenset[str]:
        """The acts whose entries carry a digest."""
        return frozenset(act.partition(" ")[0] for act in self.acts)

    @property
    def is_single(self) -> bool:
        """Whether a subject has one row at most."""
        return self.key is self.order

    def name_row(self, row: Any) -> str:
        """The subject of an object that is such a row."""
        return self.subject_of(getattr(row, self.key.key) if isinstance(self.key, QueryableAttribute) else self.name)

    def changes(self, act: str, detail: Mapping[str, Any]) -> frozenset[str]:
        """The parts that this act may change."""
        return self.acts.get(f"{act} {detail.get('what')}", self.acts.get(act, frozenset()))


def acts_of(name: str, acts: dict[str, str], *, rename: str = "") -> Acts:
    """The acts of a kind, each with the parts that it may change, and those that all kinds have."""
    every = acts | {RENAME + name: rename, KEEP + name: ""}
    return {act: frozenset(parts.split()) for act, parts in every.items()}


def named(name: str) -> tuple[Callable[[int], str], Callable[[str], int]]:
    """Writer and reader of the subjects of rows that an id names."""
    return lambda key: f"{name}:{format_id(key)}", id_of


def id_of(subject: str) -> int:
    """The id in a subject; 0, which no row has, where it is none."""
    try:
        return parse_id(subject.partition(":")[2])
    except ValueError:
        return 0


LAPSING = case((col(Rule.lapse_days) > 0, null()), else_=col(Rule.until))  # each use moves such an end
RULE = Kind(
    "rule",
    col(Rule.id),
    col(Rule.id),
    *named("rule"),
    {
        "identity": (
            *(Rule.effect, Rule.match, Rule.value, Rule.scope, Rule.recipient, Rule.target, Rule.conditions, Rule.kept_out),
            *(Rule.origin, Rule.author, Rule.second_by, Rule.decision_id, Rule.created_at, Rule.holds_until),
        ),
        "terms": (
            *(Rule.proof, Rule.risky, Rule.unchecked, Rule.encrypted, Rule.note, Rule.unproven_only, Rule.unsigned_only, Rule.lapse_days),
            LAPSING,
        ),
        "pause": (Rule.paused_at,),
        "end": (Rule.removed_at, Rule.removed_by),
    },
    acts_of(
        "rule",
        {
            "rule": "identity terms pause end",
            "widen-rule": "terms",
            "change-rule": "terms",
            "pause-rule": "pause",
            "resume-rule": "pause",
            "remove-rule": "end",
            "restore-rule": "end",
            "unname-rule": "identity terms",
        },
        rename="identity end",
    ),
    frozenset({"rule", KEEP + "rule"}),
)
TOKEN = Kind(
    "token",
    col(ApiToken.id),
    col(ApiToken.id),
    *named("token"),
    {
        "identity": (
            *(ApiToken.key_sha256, ApiToken.name, ApiToken.grants, ApiToken.scope),
            *(ApiToken.made_by, ApiToken.made_at, ApiToken.expires_at),
        ),
        "end": (ApiToken.revoked_at, ApiToken.revoked_by),
    },
    acts_of("token", {"token": "", "token create": "identity end", "token revoke": "end"}, rename="identity end"),
    frozenset({"token", KEEP + "token"}),
)
ALL_OF_STAFF = "role rights secret link"
SYNCED = "sync-staff"  # the act: a sync made an account what the directory says
STAFF = Kind(
    "staff",
    col(StaffMember.login),
    col(StaffMember.login),
    lambda login: f"staff:{login}",
    lambda subject: subject.partition(":")[2],
    {
        "role": (
            *(StaffMember.name, StaffMember.role, StaffMember.scope, StaffMember.active, StaffMember.source),
            *(StaffMember.is_break_glass, StaffMember.is_locked),
        ),
        "rights": (StaffMember.rights,),
        "secret": (StaffMember.password_hash, StaffMember.printed_code_sha256),
        "link": (StaffMember.unlinked_from,),
    },
    acts_of(
        "staff",
        {
            "staff": "",
            "staff add": ALL_OF_STAFF,
            "staff remove": ALL_OF_STAFF,
            SYNCED: ALL_OF_STAFF,
            "staff erase": ALL_OF_STAFF,
            "staff password": "secret",
            "staff break-glass": "role secret",
            "use-code": "secret",
            "staff rights": "rights",
            "staff groups": "role rights",
            "staff close": "role",
            "staff unlock": "role",
            "staff link": "link",
            "staff unlink": "link",
        },
        rename=ALL_OF_STAFF,
    ),
)
COMPANY = "company"  # the subject of the scope ""
ENFORCEMENT = Kind(
    "enforcement",
    col(EnforcementStep.scope),
    col(EnforcementStep.id),
    lambda scope: scope or COMPANY,
    lambda subject: "" if subject == COMPANY else subject,
    {
        "steps": (
            *(EnforcementStep.step, EnforcementStep.starts_at, EnforcementStep.ends_at, EnforcementStep.by_shown),
            *(EnforcementStep.at, EnforcementStep.reason, EnforcementStep.note),
        ),
    },
    acts_of("enforcement", {"set-enforcement": "steps"}, rename="steps"),
    frozenset({"set-enforcement", KEEP + "enforcement", RENAME + "enforcement"}),
)
EMERGENCY = Kind(
    "emergency",
    case((col(Emergency.id) > 0, "emergency")),
    col(Emergency.id),
    lambda subject: subject,
    lambda subject: subject,
    {"times": (Emergency.at, Emergency.until, Emergency.reason, Emergency.by_shown, Emergency.closed_at)},
    acts_of("emergency", {"open-emergency": "times", "close-emergency": "times"}),
    frozenset({"open-emergency", KEEP + "emergency"}),
)
KINDS = (RULE, TOKEN, STAFF, ENFORCEMENT, EMERGENCY)
KIND_OF: Mapping[str, Kind] = {act: kind for kind in KINDS for act in kind.entries}
RENAMED = (RULE, TOKEN, STAFF, ENFORCEMENT)  # kinds whose rows name people


def read_digests(session: Session, kind: Kind, subjects: Collection[str] | None = None, *, lock: bool = False) -> Iterator[tuple[str, str]]:
    """Yields the digest of each subject that has rows, (subject, digest), as they are now; None: of all subjects.

    `lock`: nobody else changes these rows until the transaction ends.
    """
    columns = [column for part in kind.parts.values() for column in part]
    rows = select(kind.key, *columns).order_by(kind.key, kind.order)
    if subjects is not None:
        rows = rows.where(db.is_among(session, kind.key, sorted(map(kind.key_of, subjects))))
    rows = rows.with_for_update() if lock else rows
    key: Any = None
    same: list[Row[Any]] = []
    for row in session.execute(rows, execution_options={"yield_per": AT_ONCE}):
        if same and row[0] != key:
            yield kind.subject_of(key), digest_rows(kind, same)
            same = []
        key = row[0]
        same.append(row)
    if same:
        yield kind.subject_of(key), digest_rows(kind, same)


def digest_rows(kind: Kind, rows: Collection[Row[Any]]) -> str:
    """The digest of all rows of one subject: a hash for each part."""
    words, begin = [], 1
    for part, columns in kind.parts.items():
        end = begin + len(columns)
        text = json.dumps([list(row[begin:end]) for row in rows], sort_keys=True, default=to_micros)
        words.append(f"{part}:{hashlib.sha256(f'{kind.name} {part} {text}'.encode()).hexdigest()[:HASH]}")
        begin = end
    return " ".join(words)


def parts_of(digest: str) -> dict[str, str]:
    """The hashes of a digest by part; none of a row that is no more."""
    return {} if digest == GONE else dict(word.split(":", 1) for word in digest.split())


def join_found(left: str, found: str) -> str:
    """The digest of an entry: what its act left, and what it found otherwise."""
    parts = parts_of(found)
    otherwise = [f"{part}:{parts[part]}" for part in parts_that_differ(left, found) if part in parts]
    return f"{left}{OTHERWISE} {GONE if found == GONE != left else ' '.join(otherwise)}".rstrip()


def split_found(digest: str) -> tuple[str, str | None]:
    """Returns what an act left, and what it had found; None: its entry does not say, since it is older."""
    left, otherwise, words = digest.partition(OTHERWISE)
    if not otherwise:
        return left, None
    if words.strip() == GONE:
        return left, GONE
    parts = parts_of(left) | parts_of(words)
    return left, " ".join(f"{part}:{value}" for part, value in parts.items()) or GONE


def parts_that_differ(one: str, other: str) -> list[str]:
    """The parts in which two digests differ; all where only one of them is of a row that is no more."""
    first, second = parts_of(one), parts_of(other)
    return [part for part in {**first, **second} if first.get(part) != second.get(part)]


def lock_all(session: Session, kinds: Iterable[Kind]) -> dict[str, dict[str, str]]:
    """The digests of all rows of some kinds, by kind and subject. Nobody else changes these rows until the transaction ends."""
    session.flush()
    return {kind.name: dict(read_digests(session, kind, lock=True)) for kind in kinds}


def list_changed(before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str, str]]:
    """Lists the differences between two readings: (kind, subject, digest of an entry)."""
    return [
        (kind, subject, join_found(after[kind].get(subject, GONE), before[kind].get(subject, GONE)))
        for kind in after
        for subject in {**before[kind], **after[kind]}
        if before[kind].get(subject) != after[kind].get(subject)
    ]
