"""References to departments that no longer exist: rules, redirects, scopes, tokens and confidential messages that name them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session, col

from triage.access import confidential_folders
from triage.access.accounts import LOCAL
from triage.addressing.envelope import Address
from triage.config.settings import Company
from triage.directory import recipients
from triage.errors import BadInput
from triage.ids import format_id
from triage.policy.rules.store import in_force
from triage.quarantine.triage_items import folder_counts
from triage.store.models.directory import Department, Person
from triage.store.models.rules import Rule
from triage.store.models.staff import ApiToken, StaffMember

FOLDER = "department:"
MOST_NAMED = 3


class Left(NamedTuple):
    """Reference to something that no longer exists, and the remedy for an administrator."""

    found: str
    do: str


def find_orphans(session: Session, company: Company, now: datetime) -> Iterator[Left]:
    """Yields everything that still names a department that is no more, or leads to somebody who is nobody here any more."""
    codes = set(session.scalars(select(col(Department.code))))
    yield from orphaned_rules(session, codes, now)
    yield from orphaned_redirects(session, company, now)
    yield from orphaned_scopes(session, codes)
    yield from orphaned_tokens(session, codes, now)
    yield from confidential_messages(session, codes)


def orphaned_rules(session: Session, codes: set[str], now: datetime) -> Iterator[Left]:
    """Rules for messages of a department."""
    theirs = select(col(Rule.scope), func.count()).where(in_force(now), col(Rule.scope).startswith(FOLDER)).group_by(col(Rule.scope))
    for scope, number in session.execute(theirs.order_by(col(Rule.scope))):
        if scope.removeprefix(FOLDER) not in codes:
            are = "1 rule is" if number == 1 else f"{number} rules are"
            word, today = f'"{scope}"', f'"{FOLDER}TODAY"'
            yield Left(
                f"{are} for {scope}, which no longer exists: "
                f"{'it allows, blocks and redirects' if number == 1 else 'they allow, block and redirect'} nothing",
                f"make them for the department of today: `mailroom rules export | grep '{word}' | sed 's/{word}/{today}/g' | "
                f"mailroom rules import -`; then remove what `mailroom rules list --scope {scope}` lists",
            )


def orphaned_redirects(session: Session, company: Company, now: datetime) -> Iterator[Left]:
    """Rules that send mail on to nobody, or are about an address that nobody has."""
    lost: dict[str, list[str]] = defaultdict(list)
    for rule in session.scalars(select(Rule).where(in_force(now), col(Rule.effect) == "redirect").order_by(col(Rule.id))):
        if not has_mailbox(session, rule.target, company):
            lost[f"to {rule.target}, who is nobody here or has no mailbox: it goes to whom it was addressed"].append(format_id(rule.id))
        about = rule.value if rule.match == "recipient" else rule.recipient
        if about and recipients.resolve_address(session, Address.parse(about), company) is None:
            lost[f"that comes for {about}, which is nobody's address any more: none comes"].append(format_id(rule.id))
    for what, ids in lost.items():
        rules_of = "the rule" if len(ids) == 1 else "the rules"
        yield Left(
            f"{rules_of} {list_names(ids)} redirect{'s' if len(ids) == 1 else ''} mail {what}",
            "`mailroom rules remove ID`, and where it is still wanted `mailroom rules redirect` to who looks after it today",
        )


def has_mailbox(session: Session, target: str, company: Company) -> bool:
    """Whether there is a mailbox that messages with this target go to."""
    try:
        return bool(recipients.resolve_destination(session, target, company))
    except BadInput:
        return False


def orphaned_scopes(session: Session, codes: set[str]) -> Iterator[Left]:
    """Staff whose scope names what is no more."""
    rows = session.scalars(select(StaffMember).where(col(StaffMember.active)).order_by(col(StaffMember.login))).all()
    gone = missing_of(session, (word for one in rows for word in one.scope), codes)
    by_word: dict[tuple[str, bool], list[StaffMember]] = defaultdict(list)
    for one in rows:
        for word in gone.intersection(one.scope):
            by_word[word, one.source == LOCAL].append(one)
    for (word, ours), some in sorted(by_word.items()):
        blind = [one.login for one in some if gone.issuperset(one.scope)]
        sees = f"; {list_names(blind)} see{'s' if len(blind) == 1 else ''} no mail at all" if blind else ""
        do = "`mailroom staff remove LOGIN`, then `mailroom staff add LOGIN` with the scope of today"
        elsewhere = "write the scope of today where the directory gives it ([directory] staff_groups, or [[staff]] in the file)"
        yield Left(f"{word} is no more, and is in the scope of {list_names([one.login for one in some])}{sees}", do if ours else elsewhere)


def missing_of(session: Session, words: Iterable[str], codes: set[str]) -> set[str]:
    """Returns the words of scopes that name nothing here. People who have left are still somebody: their messages are here."""
    parted = {word: word.partition(":") for word in words}
    gone = {word for word, (kind, _, name) in parted.items() if kind == "department" and name not in codes}
    return gone | {word for word, (kind, _, name) in parted.items() if kind == "person" and session.get(Person, name) is None}


def orphaned_tokens(session: Session, codes: set[str], now: datetime) -> Iterator[Left]:
    """Keys of programs for what is no more."""
    good = select(ApiToken).where(col(ApiToken.revoked_at).is_(None), col(ApiToken.expires_at) > now).order_by(col(ApiToken.id))
    for one in session.scalars(good).all():
        if gone := missing_of(session, one.scope, codes):
            yield Left(
                f"the token {one.name} is for {list_names(sorted(gone))}, which no longer exists",
                f"`mailroom token create` with the scope of today, then `mailroom token revoke {format_id(one.id)}`",
            )


def confidential_messages(session: Session, codes: set[str]) -> Iterator[Left]:
    """Yields the confidential messages of departments that no longer exist: they stay where they were."""
    held: Counter[str] = Counter()
    for (code, _), number in folder_counts.count_held(session).items():
        held[code] += number
    for seal in confidential_folders.list_entries(session):
        code = seal.folder.removeprefix(FOLDER)
        if seal.folder.startswith(FOLDER) and code not in codes and held[code]:
            are, it = ("1 message is", "it") if held[code] == 1 else (f"{held[code]} messages are", "them")
            named = list_names(list(seal.staff)) or "nobody"
            yield Left(
                f"{are} held in the confidential folder {seal.folder}, which no longer exists: {named} may see {it}, within their scope",
                f"keep {seal.folder} in the scope of somebody who is named for the seal until all of it is decided",
            )


def list_names(names: list[str]) -> str:
    """The first of these, and how many more."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
