"""The folders for acts that an account should have: the plain ones, and those named after texts, colleagues and people."""

from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage.actor import Actor
from triage.config.settings import Settings
from triage.quarantine import assignment
from triage.quarantine.mail_moves.move_folders import ASSIGN, PLAIN, REDIRECT, REJECT, Move
from triage.store.models.directory import Department, Person

MOST = 100  # folders of each kind; people make more by themselves


def list_moves(session: Session, department: str, *, by: Actor | None, settings: Settings, now: datetime) -> list[Move]:
    """Lists the moves that an account has folders for. Redirects: the department's people, and the other departments with a mailbox.

    `department`: "" in somebody's own account, where they make the folders for redirects themselves.
    """
    moves = [Move(act) for act in PLAIN]
    moves += [Move(REJECT, name) for name, _ in settings.reject.templates]
    if by is not None:
        moves += [Move(ASSIGN, one.login) for one in assignment.list_candidates(session, by=by, now=now)[:MOST]]
    if department:
        theirs = (col(Person.department) == department, col(Person.active), col(Person.mailbox) != "")
        people = session.scalars(select(col(Person.uid)).where(*theirs).order_by(col(Person.uid)).limit(MOST)).all()
        others = (col(Department.code) != department, col(Department.mailbox) != "")
        codes = session.scalars(select(col(Department.code)).where(*others).order_by(col(Department.code)).limit(MOST)).all()
        moves += [Move(REDIRECT, name) for name in dict.fromkeys((*people, *codes))]
    return [move for move in moves if "/" not in move.word]
