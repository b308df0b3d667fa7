"""Confidential folders and removals: asks the keepers of folders that are closed to who removes a campaign. Nobody learns what is in there.

There is one request for each closed folder whether it holds copies or not, so that neither the answer, nor the rows, nor the audit log
tell whether it does. Only the folder's keepers see which copies are meant (keepers).
"""

from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from triage.access import confidential_folders
from triage.access.dual_control import LASTS
from triage.actor import Actor
from triage.ids import format_id
from triage.quarantine.decisions.outcome_text import ASKED, LEFT_OUT
from triage.quarantine.search.selection import Selection, settled_proof
from triage.store import ledger
from triage.store.models.approvals import KeepersRequest
from triage.store.models.decisions import Decision

REMOVAL = "purge"
WAITING = "waiting"
OF_CAMPAIGN = frozenset({"campaign", "proof", "known", "states", "since", "until"})  # what a selection of a campaign's copies is made of


def find_concerned(session: Session, selected: Selection, verb: str, *, by: Actor) -> str:
    """Says how a removal treats confidential folders closed to the actor: ASKED, LEFT_OUT, or "" where it reaches none."""
    if verb != REMOVAL or not by.scope.company or not is_wide(selected) or not confidential_folders.closed_folders(session, by):
        return ""
    return ASKED if campaigns_of(selected) else LEFT_OUT


def is_wide(selected: Selection) -> bool:
    """Whether the selection reaches into every folder. By id, folder or colleague it names what the actor sees."""
    items_by_id = bool(selected.any_of) and all(item.ids for item in selected.any_of)
    return not (selected.ids or items_by_id or selected.department or selected.assigned_to) and selected.person is None


def campaigns_of(selected: Selection) -> tuple[Selection, ...]:
    """The campaigns that are selected as such; none where a sender, a domain or a search narrows them."""
    some = selected.any_of or (selected,)
    whole = replace(selected, any_of=()).as_json().keys() <= OF_CAMPAIGN
    return tuple(one for one in some if whole and one.campaign is not None and one.as_json().keys() <= OF_CAMPAIGN)


def request_keepers(session: Session, decision: Decision, selected: Selection, *, by: Actor, now: datetime) -> None:
    """Ask the keepers of every folder that is closed to who decided, where the removal is of a campaign."""
    if decision.confidential != ASKED:
        return
    folders = sorted(confidential_folders.closed_folders(session, by))
    wanted = wanted_copies(session, selected)
    session.add_all(
        KeepersRequest(
            folder=folder,
            selection=within_folder(wanted, folder).as_json(),
            decision_id=decision.id,
            reason=decision.reason,
            asked_by=str(by),
            asked_by_shown=by.shown,
            asked_at=now,
            lapses_at=now + LASTS,
        )
        for folder in folders
    )
    session.flush()
    ledger.write_act(session, "ask-keepers", f"decision:{format_id(decision.id)}", by=by, now=now, detail={"folders": folders})


def wanted_copies(session: Session, selected: Selection) -> Selection:
    """The campaigns of a selection and nothing else, each with the proof that the removal meant."""
    campaigns = [replace(one, proof=settled_proof(session, one)) for one in campaigns_of(selected)]
    return replace(selected, any_of=tuple(campaigns)) if selected.any_of else campaigns[0]


def within_folder(selected: Selection, folder: str) -> Selection:
    """Deliveries of a selection in one folder."""
    kind, _, name = folder.partition(":")
    return replace(selected, department=name) if kind == "department" else replace(selected, person=name)
