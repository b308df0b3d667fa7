"""A shell in a company with mail: what a command printed, and how it ended."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Engine

from tests.triage import arriving
from tests.triage.arriving import arrive
from triage.config.settings import Settings
from triage.ids import format_id
from triage.store import db
from triage_cli import main


class Said(NamedTuple):
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


Shell = Callable[..., Said]
Arrives = Callable[..., str]


@pytest.fixture
def config(settings: Settings, database_url: str, tmp_path: Path) -> Path:
    """The settings file of the company."""
    file = tmp_path / "mailroom.toml"
    file.write_text(
        f"""
[company]
domains = ["company.example"]
hostname = "mx.company.example"
[database]
url = "{database_url}"
[spool]
directory = "{settings.spool.directory}"
[directory]
file = "{tmp_path}/company.toml"
[policy]
undo_seconds = 0
"""
    )
    return file


@pytest.fixture
def shell(config: Path, engine: Engine, settings: Settings, capsys: pytest.CaptureFixture[str]) -> Shell:
    """`shell("release", id)` runs `mailroom release id` in the small company."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)

    def run(*words: str) -> Said:
        capsys.readouterr()
        code = main.run_command(lambda: main.mailroom(["--config", str(config), *words], standalone_mode=False))
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return run


@pytest.fixture
def arrives(engine: Engine, settings: Settings) -> Arrives:
    """A message comes in; its delivery's id as it is printed."""

    def enter(*recipients: str, **mail: Any) -> str:
        with db.transaction(engine) as session:
            return format_id(arrive(session, settings, *recipients, **mail)[0])

    return enter
