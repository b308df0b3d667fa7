"""`--confirm`: without it a command says what a second look asks and lets nothing out; with exactly its names it does it."""

import json

from tests.triage.arriving import DMARC_FAIL, DMARC_PASS
from tests.triage_cli.conftest import Arrives, Shell

NAMES = ("dmarc-fails", "suspicious")


def test_a_release_says_why_it_asks_and_how_it_is_confirmed(shell: Shell, arrives: Arrives) -> None:
    mail = arrives(dmarc=DMARC_FAIL)
    refused = shell("release", mail)
    assert refused.code == 1
    assert "dmarc-fails  Not really from supplier.example: DMARC fails" in refused.out
    assert f"--confirm {','.join(NAMES)}" in refused.out
    assert "this needs a second look (dmarc-fails, suspicious)" in refused.err
    for wrong in ("dmarc-fails", "dmarc-fails,suspicious,dangerous", "everything"):
        assert shell("release", mail, "--confirm", wrong).code == 1
    done = shell("release", mail, "--confirm", NAMES[0], "--confirm", NAMES[1], "--json")
    assert (done.code, json.loads(done.out)["done"]) == (0, 1)
    removed = json.loads(shell("purge", mail, "--json").out)["decision"]
    assert shell("decisions", "undo", removed).code == 1
    assert shell("decisions", "undo", removed, "--confirm", ",".join(NAMES)).code == 0


def test_what_needs_no_look_is_released_as_before(shell: Shell, arrives: Arrives) -> None:
    assert shell("release", arrives(dmarc=DMARC_PASS)).code == 0
