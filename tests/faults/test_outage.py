"""Black box: the database is gone under load. The SMTP server goes on, nothing is lost, and everything goes on when one is back."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.faults import test_nothing_lost as alone, test_several_nodes as several
from tests.faults.test_nothing_lost import LONG, PATIENCE, Ledger
from tests.peers import outside, postgresql, processes
from tests.peers.company import Company
from tests.peers.postgresql import Pair
from triage.store.db import open_engine, read_transaction
from triage.store.models.messages import Message

BEFORE, MEANWHILE, AFTER = (500, 20_000, 500) if LONG else (60, 60, 60)  # messages; meanwhile what comes in a minute, or in a second


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A database server and its stand-by."""
    with postgresql.start_pair() as running:
        yield running


@pytest.fixture
def node(tmp_path: Path, pair: Pair) -> Iterator[Company]:
    """A company over both, that knows one of the two senders."""
    made = Company(tmp_path, pair.url, f"maildir:{tmp_path}/mailboxes")
    made.lay_out()
    made.run("sync", check=True)
    made.run("allow", outside.SUPPLIER.name, "--note", "buys from us", check=True)
    yield made
    made.stop()


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "comes_back", [Pair.first_is_back, pytest.param(Pair.promote, marks=pytest.mark.long)], ids=["restarted", "failed over"]
)
@pytest.mark.timeout(3600 if LONG else 1800)
def test_without_a_database_the_door_goes_on_and_nothing_is_lost(node: Company, pair: Pair, comes_back: Callable[[Pair], None]) -> None:
    node.start()
    ledger = Ledger()
    with several.sending({"a": node}, ledger):
        several.promised(ledger, BEFORE, node)
        processes.until(lambda: entered(node) > 0, "the first are entered", node.process, node.log)
        pair.lose_first()
        several.promised(ledger, len(ledger.promised) + MEANWHILE, node)
        processes.until(lambda: not node.is_ready(), "/readyz says that it cannot work", node.process, node.log)
        comes_back(pair)
        before = entered(node)
        processes.until(lambda: entered(node) > before, "mail is entered again", node.process, node.log)
        processes.until(node.is_ready, "/readyz says 200 again", node.process, node.log)
        several.promised(ledger, len(ledger.promised) + AFTER, node)
    processes.until(lambda: not alone.missing(node, ledger), "everything promised is entered", node.process, node.log, patience=PATIENCE)
    alone.let_leases_end(node)
    processes.until(lambda: alone.waiting(node) == 0, "everything allowed is delivered", node.process, node.log, patience=PATIENCE)
    node.stop()
    alone.all_kept(node, ledger, f"the database is gone, and {'restarted' if comes_back is Pair.first_is_back else 'failed over'}")


def entered(node: Company) -> int:
    """Messages in the audit log."""
    engine = open_engine(node.database)
    with read_transaction(engine) as database:
        count = database.scalar(select(func.count()).select_from(Message))
    engine.dispose()
    return count or 0
