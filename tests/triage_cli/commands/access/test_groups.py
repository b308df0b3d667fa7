"""The shell lists groups with their members."""

import json
from dataclasses import replace

from sqlalchemy import Engine

from tests.triage import arriving
from tests.triage_cli.conftest import Shell
from triage.addressing.company import GroupEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.store import db


def test_groups_and_their_members(shell: Shell, engine: Engine, settings: Settings) -> None:
    groups = (
        GroupEntry("all@company.example", "Everybody", "legal", ("mara.berg", "joe.fern")),
        GroupEntry("far@company.example", "Far away", "it", expand=False),
    )
    with db.transaction(engine) as session:
        directory.apply_directory(session, replace(arriving.COMPANY, groups=groups), settings.company, by=arriving.SYNC, now=arriving.NOW)
    said = shell("distribution-lists")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines() if "@" in line] == ["all@company.example", "far@company.example"]
    assert "known to another server" in said.out
    (one,) = json.loads(shell("distribution-lists", "EVERY", "--json").out)
    assert (one["address"], one["members"]) == ("all@company.example", ["mara.berg@company.example", "joe.fern@company.example"])
    assert json.loads(shell("distribution-lists", "nothing", "--json").out) == []
