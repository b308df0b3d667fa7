"""Notes and answers that the mirror puts into an account: why something was not done, what came of it, and what a move asks for."""

import logging

from mailboxes.mirror import mirror_message
from mailboxes.mirror.mirror_account import MirrorAccount, NotTaken
from triage.config.settings import Settings
from triage.quarantine.mail_moves.move_requests import Answer
from triage.text.sanitize import escape_visible
from triage.times import utcnow

log = logging.getLogger(__name__)


def put_note(account: MirrorAccount, folder: str, number: str, subject: str, words: str, settings: Settings) -> None:
    """Put a note on top, once for each `number`."""
    company = settings.company
    if account.find_notes(folder, mirror_message.note_id(number, company.hostname)):
        return
    names = {"sender": settings.sender, "to": account.address, "hostname": company.hostname, "language": company.language}
    try:
        account.put(folder, mirror_message.note_message(number, subject, words, **names, now=utcnow()), flags=(), at=utcnow())
    except NotTaken as fault:
        log.warning("the account %s does not take a note: %s", escape_visible(account.address), escape_visible(str(fault)))


def put_answer(account: MirrorAccount, folder: str, answer: Answer, settings: Settings) -> None:
    """Put the answer to a move there, in the place of earlier answers to the same request."""
    number = mirror_message.answer_number(answer.request, answer.token)
    earlier = account.find_notes(folder, mirror_message.answer_number(answer.request, ""))
    current = account.find_notes(folder, mirror_message.note_id(number, settings.company.hostname))
    put_note(account, folder, number, answer.subject, answer.words, settings)
    account.take([place for place in earlier if place not in current])
