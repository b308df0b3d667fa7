"""Confidential folders in the settings where the directory is an LDAP server."""

import pytest

from directory_sync.ldap.staff import parse_confidential
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Directory
from triage.errors import BadInput


def test_a_seal_names_a_folder_and_logins() -> None:
    lines = ("department:HR => Hana, leo", "person:mara.berg =>")
    assert list(parse_confidential(Directory(confidential=lines))) == [
        ConfidentialEntry("department:hr", ("hana", "leo")),
        ConfidentialEntry("person:mara.berg"),
    ]


@pytest.mark.parametrize("line", ["department:hr", "company => hana", "hr => hana", "=> hana"])
def test_what_is_no_seal_is_refused_with_an_example(line: str) -> None:
    with pytest.raises(BadInput, match="write FOLDER => LOGINS, such as department:hr => hana, leo"):
        list(parse_confidential(Directory(confidential=(line,))))
