"""`mailroom people`: what the directory says, and why its last reading was refused."""

from sqlalchemy import Engine

from tests.triage.arriving import NOW
from tests.triage_cli.conftest import Shell
from triage.config.alert_types import BRAKE
from triage.store import db
from triage.store.models.notifications import OpenAlert


def test_departments_say_why_the_directory_was_refused(shell: Shell, engine: Engine) -> None:
    assert "refused" not in shell("people", "departments").out
    with db.transaction(engine) as session:
        session.add(OpenAlert(cause=BRAKE, department="", person="", raised_at=NOW, words="This would take 18 of 20 people away."))
    said = shell("people", "departments")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[-1].startswith("refused since 2026-")
    assert said.out.splitlines()[-1].endswith(": This would take 18 of 20 people away.")
