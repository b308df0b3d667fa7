"""`mailroom secrets` with the real systemd-creds, and a host key of the test's own: what is listed, encrypted, rotated, refused."""

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.triage_cli.conftest import Said
from triage_cli import main
from triage_cli.secrets import rotation
from triage_cli.secrets.encrypted_files import Secrets
from triage_cli.secrets.known_secrets import KNOWN, known_secret

HOST_KEY = "SYSTEMD_CREDENTIAL_SECRET"  # systemd's own name for another file than /var/lib/systemd/credential.secret
FILES = {
    "smtp.edge_token": "a-token-that-edges-know\n",
    "database.url": "postgresql://mailroom:word@db/mailroom\n",
    "webhooks/chat.key": "whsec_bWFkZSBvZiBhIGh1bmRyZWQgbGV0dGVycw==\n",
    "webhooks/chat.url": "https://chat.company.example/hook/T00/secret\n",
    "identity/company.secret": "client\n",
}
Run = Callable[..., Said]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of plain secrets on a machine with a host key."""
    monkeypatch.setenv(HOST_KEY, str(tmp_path / "host.key"))
    subprocess.run(["systemd-creds", "setup"], check=True, capture_output=True)
    place = tmp_path / "secrets"
    for name, text in FILES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
        (place / name).chmod(0o600)
    return place


@pytest.fixture
def run(place: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("encrypt")` is `mailroom secrets encrypt` there."""

    def run_command(*words: str) -> Said:
        capsys.readouterr()
        code = main.run_command(lambda: main.mailroom(["secrets", "--directory", str(place), *words], standalone_mode=False))
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return run_command


def read_all(place: Path) -> dict[str, str]:
    """Each secret as it counts."""
    found = Secrets(place)
    return {name: found.read(name).decode() for name in {*found.list_plain(), *found.list_encrypted()}}


def test_encrypted_secrets_say_the_same_and_nobody_else_reads_their_files(place: Path, run: Run) -> None:
    assert run("encrypt").out == f"encrypted for this machine: {', '.join(Secrets(place).list_encrypted())}\n"
    assert Secrets(place).list_plain() == []
    assert read_all(place) == FILES
    for file in (place / "encrypted").rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) == (0o700 if file.is_dir() else 0o600), file
        assert file.is_dir() or not any(text.strip().encode() in file.read_bytes() for text in FILES.values())
    assert run("encrypt").out == "no plain secret is left\n"
    assert run("decrypt").code == 0
    assert ({name: (place / name).read_text() for name in FILES}, Secrets(place).list_encrypted()) == (FILES, [])


def test_a_list_tells_how_each_is_kept_and_no_value(place: Path, run: Run) -> None:
    run("encrypt")
    (place / "smtp.edge_token").write_text("newer\n")
    listed = run()
    assert [line.split()[:2] for line in listed.out.splitlines()[1:]] == [
        [name, "both" if name == "smtp.edge_token" else "encrypted"] for name in sorted(FILES)
    ]
    assert not any(text.strip() in listed.out for text in FILES.values())
    assert read_all(place)["smtp.edge_token"] == "newer\n", "what an administrator or a hook wrote last counts"
    assert "smtp.edge_token" in run("encrypt").out
    assert read_all(place)["smtp.edge_token"] == "newer\n"


def test_a_credential_of_another_machine_is_named_and_nothing_is_lost(
    place: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("encrypt")
    before = {file: file.read_bytes() for file in place.rglob("*") if file.is_file()}
    (place / "database.url").write_text(FILES["database.url"])
    monkeypatch.setenv(HOST_KEY, str(tmp_path / "other.key"))
    subprocess.run(["systemd-creds", "setup"], check=True, capture_output=True)
    listed = run()
    assert listed.code == 1
    assert f"Write the secret into {place}/smtp.edge_token, remove {place}/encrypted/smtp.edge_token" in " ".join(listed.out.split())
    for words in (["encrypt"], ["decrypt"], ["rotate", "--yes", "smtp.edge_token"]):
        refused = run(*words)
        assert (refused.code, "was encrypted on another machine" in refused.err) == (2, True), words
    assert {file: file.read_bytes() for file in before} == before
    assert (place / "database.url").read_text() == FILES["database.url"]


@pytest.mark.parametrize(("broken", "said"), [("PATH", "systemd-creds is missing"), (HOST_KEY, "systemd-creds: ")])
def test_a_machine_that_cannot_encrypt_keeps_plain_files(
    place: Path, run: Run, monkeypatch: pytest.MonkeyPatch, broken: str, said: str
) -> None:
    monkeypatch.setenv(broken, "/proc/none/at/all")
    refused = run("encrypt")
    assert (refused.code, "5 secrets stay plain, and only root reads them" in refused.out, said in refused.out) == (0, True, True)
    assert read_all(place) == FILES
    assert run("rotate", "--yes", "smtp.edge_token").code == 0
    assert read_all(place)["smtp.edge_token"] != FILES["smtp.edge_token"]
    assert stat.S_IMODE((place / "smtp.edge_token").stat().st_mode) == 0o600


def test_a_rotation_says_before_what_it_does(place: Path, run: Run) -> None:
    said = run("rotate", "--dry-run", "smtp.edge_token").out
    assert "Mailroom makes a new value" in said
    assert known_secret("smtp.edge_token").follows in said
    assert read_all(place) == FILES
    done = run("rotate", "--yes", "smtp.edge_token").out
    assert done.startswith(said)
    assert done.endswith(f"rotated, encrypted: smtp.edge_token\nsmtp.edge_token is now {read_all(place)['smtp.edge_token']}")
    assert read_all(place).keys() == FILES.keys()


def test_both_keys_of_a_webhook_sign_until_the_next_rotation(place: Path, run: Run) -> None:
    old = FILES["webhooks/chat.key"].strip()
    for _ in range(2):
        assert run("rotate", "--yes", "webhooks/chat.key").code == 0
        newest, kept = read_all(place)["webhooks/chat.key"].split()
        assert (newest.startswith("whsec_"), newest != old, kept) == (True, True, old)
        old = newest


def test_values_that_others_make_come_from_a_file_and_all_change_or_none(place: Path, run: Run, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.write_text("postgresql://mailroom:other@db/mailroom\n")
    assert run("rotate", "--yes", f"database.url={new}").code == 0
    assert read_all(place)["database.url"] == new.read_text()
    for words, said in (
        (["database.url"], "somebody else makes it"),
        (["webhooks/chat.url"], "somebody else makes it"),
        ([f"database.url={new}"], "the new value is the old one"),
        (["database.url=/dev/null"], "the new value is empty"),
        (["smtp.edge_token", "database.url=/nowhere"], "cannot be read"),
        (["smtp.edge_token", f"smtp.tls_key={new}"], "certificate and key are a pair"),
        (["smtp.password"], "there is no secret smtp.password"),
        (["webhooks/../database.url"], "there is no secret"),
    ):
        before = read_all(place)
        refused = run("rotate", "--yes", *words)
        assert (refused.code > 0, said in refused.err, read_all(place)) == (True, True, before), (words, refused)


def test_nothing_is_rotated_without_an_answer(place: Path, run: Run) -> None:
    refused = run("rotate", "smtp.edge_token")
    assert (refused.code, "say --yes" in refused.err, read_all(place)) == (2, True, FILES)


def test_the_old_secret_comes_back_where_the_new_one_cannot_be_written(place: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("encrypt")
    plan = rotation.plan_rotation(Secrets(place), {"smtp.edge_token": None, "webhooks/chat.key": None})
    (place / "encrypted" / "webhooks" / ".chat.key.new").mkdir()  # in the way of the second one
    with pytest.raises(OSError, match="Is a directory"):
        rotation.rotate(Secrets(place), plan)
    (place / "encrypted" / "webhooks" / ".chat.key.new").rmdir()
    assert read_all(place) == FILES


def test_a_directory_that_is_not_there_is_named(tmp_path: Path, run: Run) -> None:
    code = main.run_command(lambda: main.mailroom(["secrets", "--directory", str(tmp_path / "none"), "encrypt"], standalone_mode=False))
    assert code == 2


def test_each_secret_is_one_that_units_load() -> None:
    from tests.deploy.test_units import SECRETS

    assert {name: set(known.roles) for name, known in KNOWN.items()} == SECRETS
    assert os.sep not in "".join(KNOWN)
