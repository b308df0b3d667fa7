"""`mailroom webhooks`: how they fare, trying one out, calling one again; and what the doctor says."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.triage_cli.conftest import Shell
from triage.config.settings import Settings, Webhooks
from triage.config.webhooks import Hook
from triage.notifications.webhooks import outbox
from triage.notifications.webhooks.outbox import Answer
from triage.store import db
from triage.store.models.notifications import Webhook
from triage.times import utcnow
from triage_cli.doctor.finding import FAIL, OK, WARN
from triage_cli.doctor.notification_checks import check_webhooks


@pytest.fixture
def hooked(config: Path) -> Path:
    """The settings, with a webhook."""
    config.write_text(config.read_text() + '[webhooks.hooks.ops]\nurl = "https://ops.example/hook"\n')
    return config


def state(shell: Shell) -> list[str]:
    return [f"{one['name']} {one['state']} {one['waiting']}" for one in json.loads(shell("webhooks", "list", "--json").out)]


def test_tried_out_gone_and_called_again(shell: Shell, hooked: Path, engine: Engine, settings: Settings) -> None:
    assert state(shell) == ["ops new 0"]
    assert "is to be sent by `mailroom webhooks`" in shell("webhooks", "test", "ops").out
    assert state(shell) == ["ops new 1"]
    with db.transaction(engine) as session:
        call = outbox.claim_call(session, "ops", settings, now=utcnow())
        assert call
        outbox.settle_call(session, "ops", call, Answer("gone", "410 Gone"), now=utcnow())
    assert state(shell) == ["ops gone 1"]
    assert shell("webhooks", "resume", "ops").out == "the webhook is called again\n"
    assert state(shell) == ["ops new 1"]


def test_a_webhook_that_there_is_not(shell: Shell, hooked: Path) -> None:
    for verb in ("test", "resume"):
        refused = shell("webhooks", verb, "chat")
        assert (refused.code, "the settings have no webhook “chat”; there are ops" in refused.err) == (1, True)


def test_a_key_is_long_enough(shell: Shell) -> None:
    first, second = shell("webhooks", "secret").out.strip(), shell("webhooks", "secret").out.strip()
    assert first != second
    assert first.startswith("whsec_")
    assert len(first) > 40


@pytest.mark.parametrize(
    ("hook", "level", "found"),
    [
        (Hook("ops", "https://x.example", secret_file="{dir}/good"), OK, "0 calls waiting"),
        (Hook("ops", "https://x.example"), WARN, "calls are not signed"),
        (Hook("ops", "https://x.example", format="slack"), OK, "0 calls waiting"),
        (Hook("ops", "https://x.example", secret_file="{dir}/short"), WARN, "a key is shorter than 24 bytes"),
        (Hook("ops", "https://x.example", secret_file="{dir}/none"), FAIL, "cannot be called"),
        (Hook("ops", url_file="{dir}/none"), FAIL, "cannot be called"),
        (Hook("ops", "http://x.example", format="slack", details=True), WARN, "senders and subjects go out unencrypted"),
    ],
)
def test_what_the_doctor_finds(
    shell: Shell, settings: Settings, database_url: str, tmp_path: Path, hook: Hook, level: str, found: str
) -> None:
    (tmp_path / "good").write_text("a key that is long enough for it\n")
    (tmp_path / "short").write_text("short\n")
    placed = replace(hook, secret_file=hook.secret_file.format(dir=tmp_path), url_file=hook.url_file.format(dir=tmp_path))
    first = next(
        check_webhooks(replace(settings, database=replace(settings.database, url=database_url), webhooks=Webhooks(hooks=(placed,))))
    )
    assert first.level == level
    assert found in first.found


@pytest.mark.parametrize(
    ("values", "level", "found"),
    [
        ({"failures": 2}, OK, "0 calls waiting"),
        ({"failures": 3, "last_reply": "500 no"}, FAIL, "3 calls failed in a row: 500 no; 0 calls waiting"),
        ({"gone": True, "last_reply": "410 Gone"}, FAIL, "the receiver refuses calls (410 Gone)"),
        ({"succeeded_at": utcnow() - timedelta(days=1)}, OK, "the last one succeeded"),
    ],
)
def test_what_the_doctor_says_of_how_one_fares(
    shell: Shell, engine: Engine, settings: Settings, database_url: str, values: dict[str, Any], level: str, found: str
) -> None:
    with db.transaction(engine) as session:
        session.add(Webhook(name="ops", **values))
    hooks = Webhooks(hooks=(Hook("ops", "https://x.example", format="slack"),))
    (said,) = check_webhooks(replace(settings, database=replace(settings.database, url=database_url), webhooks=hooks))
    assert (said.level, found in said.found) == (level, True), said
