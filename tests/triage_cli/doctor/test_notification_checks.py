"""What the doctor says of what employees are told and may ask."""

from dataclasses import replace

import pytest

from tests.triage_cli.conftest import Shell
from triage.config.settings import Api, Notices, Settings
from triage_cli.doctor.finding import OK, WARN
from triage_cli.doctor.notification_checks import check_employees

OPEN = Api(sign_in=("directory",), public_url="https://mailroom.company.example")


@pytest.mark.parametrize(
    ("notices", "api", "said"),
    [
        (Notices(digest_at="off"), Api(), []),
        (Notices(), Api(), [(WARN, "names nobody but postmaster@company.example")]),
        (Notices(digest_contact="100"), Api(), [(OK, "get the daily digest at 08:30, and ask 100")]),
        (Notices(requests=True, digest_at=""), OPEN, [(OK, "get no daily digest, and ask by themselves")]),
        (Notices(digest_at="16:00", digest_contact="100"), Api(), [(OK, "get the daily digest at 16:00, and ask 100")]),
        (Notices(digest_at="16:00"), OPEN, [(WARN, "names nobody but postmaster@")]),
        (Notices(requests=True, digest_at="off"), Api(), [(WARN, "nobody can prove their passwords")]),
        (Notices(requests=True, digest_at="16:00"), replace(OPEN, public_url=""), [(WARN, "no links"), (WARN, "names nobody but")]),
    ],
)
def test_letters_that_help_nobody_are_found(
    shell: Shell, settings: Settings, database_url: str, notices: Notices, api: Api, said: list[tuple[str, str]]
) -> None:
    here = replace(settings, notices=notices, api=api, database=replace(settings.database, url=database_url))
    found = list(check_employees(here))
    assert [one.level for one in found] == [level for level, _ in said]
    assert all(words in one.found for one, (_, words) in zip(found, said, strict=True)), found
    assert all(one.do for one in found if one.level != OK)
