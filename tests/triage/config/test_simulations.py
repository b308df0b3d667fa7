"""Tables of phishing simulations: what is taken, and what is refused with what to write instead."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from triage.config.settings import Settings
from triage.config.settings_loader import read_settings
from triage.config.simulations import LONGEST, Simulation
from triage.errors import BadInput

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
GIVEN: dict[str, Any] = {"dkim": "Sim.Vendor.example", "from": START, "until": START + timedelta(days=14)}


def read_lines(directory: Path, lines: str) -> Settings:
    """Reads settings of a small company with these lines."""
    file = directory / "mailroom.toml"
    file.write_text('[company]\ndomains = ["company.example"]\nhostname = "mx.company.example"\n' + lines)
    return read_settings(str(file), {})


def test_a_table_is_read_from_the_file(tmp_path: Path) -> None:
    read = read_lines(
        tmp_path,
        '[policy.simulations.vendor]\ndkim = "Sim.Vendor.example"\nfrom = 2026-11-02T09:00:00+01:00\nuntil = 2026-11-16T08:00:00Z\n',
    )
    (one,) = read.policy.simulations
    assert one == Simulation("vendor", "sim.vendor.example", START, START + timedelta(days=14))
    moments = (START - timedelta(seconds=1), START, START + timedelta(days=14, seconds=-1), START + timedelta(days=14))
    assert [one.runs_at(moment) for moment in moments] == [False, True, True, False]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"until": None}, "until is missing"),
        ({"domain": "x.example"}, "there is no key “domain”"),
        ({"dkim": 7}, "dkim must be text"),
        ({"dkim": "co.uk"}, "anybody can sign as co.uk"),
        ({"dkim": "onmicrosoft.com"}, "anybody can sign as onmicrosoft.com"),
        ({"from": datetime(2026, 11, 2, 8)}, "from must be a date and a time with its offset"),  # noqa: DTZ001 - as TOML reads it
        ({"until": "2026-11-16"}, "until must be a date and a time with its offset"),
        ({"until": START}, "until must come after from"),
        ({"until": START + LONGEST + timedelta(seconds=1)}, "at most 92 days later"),
    ],
)
def test_a_wrong_table_is_refused_with_what_to_write(change: dict[str, Any], said: str) -> None:
    given = {key: value for key, value in (GIVEN | change).items() if value is not None}
    with pytest.raises(ValueError, match=said):
        Simulation.parse("vendor", given)


@pytest.mark.parametrize("shared", ["gmail.com", "mail.dropbox.com"])
def test_a_service_that_signs_for_anybody_is_refused(tmp_path: Path, shared: str) -> None:
    table = f'[policy.simulations.vendor]\ndkim = "{shared}"\nfrom = 2026-11-02T09:00:00Z\nuntil = 2026-11-16T08:00:00Z\n'
    with pytest.raises(BadInput, match=f"anybody can send messages that {shared} signs"):
        read_lines(tmp_path, table)
