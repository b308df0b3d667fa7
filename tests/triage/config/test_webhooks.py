"""Settings of webhooks, and the events that they select."""

from pathlib import Path
from typing import Any

import pytest

from triage.config import secret_files, settings_loader
from triage.config.webhooks import Hook
from triage.errors import BadInput

LEAST = '[company]\ndomains = ["company.example"]\nhostname = "mx.company.example"\n'


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "name a url or a url_file"),
        ({"url": "https://a.example", "url_file": "x"}, "one of both"),
        ({"url": "ftp://a.example/"}, "the URL must be https://HOST/PATH"),
        ({"url": "https:///path"}, "the URL must be https://HOST/PATH"),
        ({"url": "https://a.example/ path"}, "the URL must be https://HOST/PATH"),
        ({"url": "https://a.example:99999/"}, "the URL must be https://HOST/PATH"),
        ({"url": "https://a.example/\r\nX: y"}, "the URL must be https://HOST/PATH"),
        ({"url": "https://ana:word@a.example/"}, "must not hold a password"),
        ({"url": "https://a.example", "format": "irc"}, "format must be one of json, slack, teams, not “irc”"),
        ({"url": "https://a.example", "events": ["mail"]}, "there is no “mail”; there are decision.made"),
        ({"url": "https://a.example", "events": "decision.made"}, "events must be a list"),
        ({"url": "https://a.example", "details": "yes"}, "details must be true or false, not yes"),
        ({"url": 5}, "url must be text, not 5"),
        ({"url": "https://a.example", "evnts": []}, "there is no key “evnts”; there are url,"),
    ],
)
def test_mistakes_are_named(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Hook.parse("ops", given)


@pytest.mark.parametrize("name", ["", "Ops", "a b", "-a", "x" * 32])
def test_names_are_short_and_plain(name: str) -> None:
    with pytest.raises(ValueError, match="is no name for a webhook"):
        Hook.parse(name, {"url": "https://a.example"})


def test_the_settings_hold_a_table_for_each(tmp_path: Path) -> None:
    file = tmp_path / "mailroom.toml"
    file.write_text(LEAST + '[webhooks.hooks.ops]\nurl = "https://ops.example/x"\nevents = ["emergency.opened"]\n[webhooks]\ntimeout = 5\n')
    read = settings_loader.read_settings(str(file), {}).webhooks
    assert (read.timeout, read.hooks) == (5, (Hook("ops", "https://ops.example/x", events=("emergency.opened",)),))
    file.write_text(LEAST + '[webhooks.hooks.ops]\nurl = "nowhere"\n')
    with pytest.raises(BadInput, match=r"\[webhooks\] hooks: the URL must be"):
        settings_loader.read_settings(str(file), {})
    file.write_text(LEAST + '[webhooks]\nhooks = ["https://ops.example"]\n')
    with pytest.raises(BadInput, match=r"must be tables, such as \[webhooks\.hooks\.chat\]"):
        settings_loader.read_settings(str(file), {})


@pytest.mark.parametrize(
    ("events", "departments", "kind", "concerned", "wanted"),
    [
        ((), (), "decision.made", {"it"}, True),
        (("decision.made",), (), "decision.undone", {"it"}, False),
        ((), ("legal",), "decision.made", {"it"}, False),
        ((), ("legal",), "decision.made", {"it", "legal"}, True),
        ((), ("legal",), "emergency.opened", set(), True),
    ],
)
def test_what_a_webhook_wants(events: tuple[str, ...], departments: tuple[str, ...], kind: str, concerned: set[str], wanted: bool) -> None:
    hook = Hook("ops", "https://ops.example", events=events, departments=departments)
    assert hook.wants(kind, frozenset(concerned)) is wanted


def test_url_and_keys_are_read_anew_from_their_files(tmp_path: Path) -> None:
    url, secret = tmp_path / "url", tmp_path / "secret"
    hook = Hook("chat", url_file=str(url), secret_file=str(secret))
    with pytest.raises(OSError, match="url"):
        secret_files.url_of(hook)
    url.write_text("https://chat.example/T0/B0\n")
    secret.write_text("one\n\n two \n")
    assert (secret_files.url_of(hook), secret_files.keys_of(hook)) == ("https://chat.example/T0/B0", ("one", "two"))
    url.write_text("javascript:alert(1)")
    secret.write_text("\n")
    with pytest.raises(ValueError, match="url_file: the URL must be"):
        secret_files.url_of(hook)
    with pytest.raises(ValueError, match="secret_file is empty"):
        secret_files.keys_of(hook)
