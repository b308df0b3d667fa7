"""Settings: where they come from, and one clear line for every mistake."""

from pathlib import Path

import pytest

from triage.business_hours import PASS
from triage.config import settings_loader
from triage.config.alert_types import CAUSES
from triage.config.renamed import RENAMED, RENAMED_VALUES
from triage.config.settings import every_key, host_port
from triage.config.webhooks import EVENTS
from triage.errors import BadInput

LEAST = '[company]\ndomains = ["Company.Example"]\nhostname = "mx.company.example"\n'


def written(directory: Path, text: str) -> str:
    file = directory / "mailroom.toml"
    file.write_text(text)
    return str(file)


def test_the_least_that_must_be_set(tmp_path: Path) -> None:
    read = settings_loader.read_settings(written(tmp_path, LEAST), {})
    assert read.own_domains == {"company.example"}
    assert read.authserv_id == "mx.company.example"
    assert read.policy.undo_seconds == 10


def test_the_environment_goes_before_credentials_and_these_before_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, LEAST + '[database]\nurl = "sqlite:///file.db"\n[relay]\nconcurrency = 2\n')
    (tmp_path / "database.url").write_text("postgresql://secret@db/mailroom\n")
    (tmp_path / "relay.concurrency").write_text("3\n")
    environment = {
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "MAILROOM_RELAY__CONCURRENCY": "7",
        "MAILROOM_SMTP__LISTEN": "[::1]:25",
        "MAILROOM_POLICY__FREEMAIL_DOMAINS": "One.EXAMPLE, zwölf.example",
        "MAILROOM_RELAY__ORIGINAL_REVERSE_PATH": "true",
    }
    read = settings_loader.read_settings(file, environment)
    assert read.database.url == "postgresql://secret@db/mailroom"
    assert read.relay.concurrency == 7
    assert read.policy.freemail_domains == ("one.example", "xn--zwlf-6qa.example")  # as addresses have them
    assert read.relay.original_reverse_path is True
    assert host_port(read.smtp.listen, "smtp.listen") == ("::1", 25)


def test_a_credential_is_the_file_itself_where_a_key_names_one_and_an_empty_one_says_nothing(tmp_path: Path) -> None:
    """SetCredential= with no text is the default of a unit's LoadCredential=."""
    file = written(tmp_path, LEAST + '[smtp]\ntls_key = "/etc/old.key"\ntls_cert = "/etc/old.crt"\n')
    (tmp_path / "smtp.tls_key").write_text("-----BEGIN PRIVATE KEY-----\n")
    (tmp_path / "smtp.tls_cert").write_text("")
    read = settings_loader.read_settings(file, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert read.smtp.tls_key == str(tmp_path / "smtp.tls_key")
    assert read.smtp.tls_cert == "/etc/old.crt"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"\[company\] needs domains: The company's own mail domains"),
        (LEAST + "[compani]\nx = 1\n", r"no section \[compani\]; did you mean “company”"),
        (LEAST + '[policy]\ntwo_keys = ["large-purge"]\n', r"\[policy\] has no key “two_keys”; it is now approvals"),
        (LEAST + '[notices]\nalerts = ["brake", "queue"]\n', r"not “queue”; it is now outgoing"),
        (LEAST + '[coverage]\nout_of_hours = "pass-perishable"\n', r"substitute:LOGIN; it is now pass-time-limited"),
        (LEAST + '[coverage]\ndepartments = ["it = pass-perishable"]\n', r"substitute:LOGIN; it is now pass-time-limited"),
        (LEAST + '[coverage]\ndeliver_undecided = ["Person:joe.fern=5"]\n', "“Person:joe.fern=5” is a person, .* such as sales="),
        (LEAST + '[webhooks.hooks.chat]\nurl = "https://a.example/"\nevents = ["queue.alarm"]\n', r"; it is now outgoing\.alert"),
        (LEAST + '[recall]\npassed_on = ["support@company.example"]\n', "must be MAILBOX=NAME, such as support@company.example=the"),
        (LEAST + '[recall]\npassed_on = ["support=tickets"]\n', "“support=tickets” must be MAILBOX=NAME"),
        (LEAST + '[cover]\ntime_zone = "UTC"\n', r"there is no section \[cover\]; it is now \[coverage\]"),
        (LEAST + '[smtp]\nlisen = "x"\n', r"\[smtp\] has no key “lisen”; did you mean “listen”"),
        (LEAST + '[smtp]\nmax_size = "big"\n', r"\[smtp\] max_size must be a number, not “big”"),
        (LEAST + '[siem]\nsyslog = "siem.company.example"\n', r"\[siem\] syslog must be HOST:PORT, such as siem.company.example:6514"),
        (LEAST + '[siem]\nkey_file = "siem.key"\n', r"\[siem\] key_file needs a certificate_file"),
        (LEAST + "[smtp]\nmax_size = true\n", r"\[smtp\] max_size must be a number, not “True”"),
        (LEAST + "[smtp]\nmax_messages_per_minute = -1\n", r"must not be negative"),
        (LEAST + "[smtp]\nmax_size = 0\n", r"max_size must be 1 or more, not 0"),
        (LEAST + "[retention]\nheld_days = 0\n", r"held_days must be 1 or more, not 0"),
        (LEAST + "[retention]\nheld_days = 999999999\n", r"held_days must be 36500 or less, not 999999999"),
        (LEAST + "[relay]\ngive_up_after = 999999999\n", r"give_up_after must be 876000 or less, not 999999999"),
        (LEAST.replace('"Company.Example"', ""), r"domains is empty: nobody could get mail"),
        (LEAST + '[policy]\ndmarc_reject = "drop"\n', r"must be one of hold, purge, not “drop”"),
        (LEAST + "[dns]\nnameservers = [1]\n", r"nameservers must be a list, such as"),
        (LEAST.replace("Company.Example", "no domain"), r"“no domain” is not a domain"),
        ("stray = 1\n" + LEAST, r"“stray” stands outside a section"),
        ("[company\n", r"is not TOML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        settings_loader.read_settings(written(tmp_path, text), {})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.toml cannot be read: No such file or directory\. Name a settings file with --config"):
        settings_loader.read_settings(str(tmp_path / "nowhere.toml"), {})


@pytest.mark.parametrize(("name", "value"), [("RELAY__CONCURRENCY", "many"), ("RELAY__ORIGINAL_REVERSE_PATH", "maybe")])
def test_mistakes_in_the_environment_are_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(BadInput, match=rf"must be (a number|true or false), not “{value}”"):
        settings_loader.read_settings(written(tmp_path, LEAST), {f"MAILROOM_{name}": value})


def test_a_renamed_key_names_one_that_there_is() -> None:
    """The table of old names cannot fall behind the settings."""
    keys = {(section, name) for section, name, _ in every_key()}
    today = {(section, new.partition(";")[0]) for (section, _), new in RENAMED.items()}
    assert today <= keys
    assert keys.isdisjoint(RENAMED)


def test_a_renamed_value_names_one_that_there_is() -> None:
    """ "cover" was a check of the doctor, which no setting names."""
    today = {*CAUSES, *EVENTS, PASS, "coverage"}
    assert set(RENAMED_VALUES.values()) <= today
    assert today.isdisjoint(RENAMED_VALUES)
