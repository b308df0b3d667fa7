"""`mailroom redeliver` counts, redelivers in the audit log, and only what was delivered since."""

from datetime import timedelta

from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.triage.arriving import NOW
from tests.triage_cli.conftest import Arrives, Shell
from triage.ids import parse_id
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery


def test_redeliver(shell: Shell, arrives: Arrives, engine: Engine) -> None:
    late, early = parse_id(arrives()), parse_id(arrives())
    with db.transaction(engine) as session:
        for one, settled in ((late, NOW), (early, NOW - timedelta(days=9))):
            session.execute(update(Delivery).where(col(Delivery.id) == one).values(state=State.DELIVERED, settled_at=settled))
    since = ("--person", "joe.fern", "--since", (NOW - timedelta(days=1)).date().isoformat())
    assert shell("redeliver", *since, "--dry-run").out == "1 message would be delivered again to joe.fern\n"
    assert shell("redeliver", *since, "--expect", "2").code == 1
    said = shell("redeliver", *since, "--reason", "disk lost", "--unchecked")
    assert (said.code, "Delivered “Your order” again." in said.out) == (0, True)
    with db.read_transaction(engine) as session:
        states = dict(session.execute(select(col(Delivery.id), col(Delivery.state))).all())
        (record,) = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "redeliver"))
    assert (states, record.detail) == ({late: State.QUEUED, early: State.DELIVERED}, {"reason": "disk lost"})
    assert "none of the selected messages" in shell("redeliver", *since).err
