"""The tests notice what is broken: a few mutants here, all of them by `make mutants`."""

from pathlib import Path

import pytest

from tests.mail_auth import mutants

QUICK = ("dmarc: everybody is aligned", "dmarc: no answer about the policy is none", "From: the first field counts")


def test_every_mutant_fits_and_breaks_something() -> None:
    for mutant in mutants.MUTANTS:
        assert mutant.source() != (mutants.ROOT / mutant.file).read_text()
        assert all((mutants.ROOT / test).is_file() for test in mutant.tests)
    names = [mutant.name for mutant in mutants.MUTANTS]
    assert len(set(names)) == len(names) > 60
    assert set(QUICK) <= {*names}


def test_a_text_that_moved_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stands 0 times"):
        mutants.Mutant("gone", "mail_auth/dkim.py", "no such text", "", ()).source()


def test_a_few_are_noticed() -> None:
    chosen = [mutant for mutant in mutants.MUTANTS if mutant.name in QUICK]
    with mutants.copied() as directory:
        assert mutants.run({test for mutant in chosen for test in mutant.tests}, directory) == 0
        assert [mutant.name for mutant in chosen if not mutants.noticed(mutant, directory)] == []
