"""Examines a message found in a mailbox, in a sandbox, since it is hostile."""

import json
from collections.abc import Iterable

from mailboxes.match import Names, Sought
from triage.delivery.recall.related_messages import Place, Related
from triage.delivery.recalled_copies import Copy
from triage.message.summary import Summary
from triage.runtime.sandbox_pool import Overrun, Pool

SHOWN = 50  # related messages of one delivery that are written down


def read_copy(raw: bytes, parsers: Pool, *, whole: bool) -> Summary | None:
    """The summary of a message, or of its header block alone; None when not even that can be read."""
    for headers_only in (False, True) if whole else (True,):
        try:
            return Summary.from_json(json.loads(parsers.run(raw, headers_only=headers_only)))
        except Overrun:
            continue
    return None


def related_to(sought: Sought, found: Iterable[Copy], parsers: Pool) -> tuple[Related, ...]:
    """Header blocks that bear or refer to the same Message-ID, for a person to choose from: those that bear it first."""
    named = sorted(((Names.of(copy.raw), copy) for copy in found), key=lambda one: one[0].message_id != sought.message_id)
    return tuple(describe_copy(copy, names, sought, parsers) for names, copy in named[:SHOWN])


def describe_copy(copy: Copy, names: Names, sought: Sought, parsers: Pool) -> Related:
    """Describes one related message."""
    summary = read_copy(copy.raw, parsers, whole=False)
    return Related(
        place=Place(copy.folder, copy.uid_validity, copy.uid, copy.name),
        internal_date=copy.internal_date,
        bears=names.message_id == sought.message_id,
        marker=names.marker,
        author=next(iter(summary.authors), "") if summary else "",
        subject=summary.subject if summary else "",
    )
