"""The scripts of docs/recipes, as operators run them: against a Mailroom that is served, with tokens, a feed and a chat of this machine."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.peers import company, outside, processes
from tests.peers.company import Company
from tests.peers.outside import OutsideMessage
from tests.peers.receiver import Receiver, make_answer, start_receiver
from triage.notifications.webhooks import payloads

pytestmark = pytest.mark.peers

RECIPES = company.ROOT / "docs" / "recipes"
TO = f"russell.coker@{company.DOMAIN}"
KEY = payloads.new_key()
HOOK = """
[webhooks.hooks.chat]
url = "http://127.0.0.1:{port}/"
secret_file = "{secret}"
events = ["time-limited.waiting"]
details = true
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A company, the port where its webhook calls, and what is printed by a recipe with a token."""

    company: Company
    port: int

    def token(self, *grants: str) -> str:
        """The key of a new token."""
        with self.company.signed_in() as desk:
            made = desk.client.post("/tokens", json={"name": uuid.uuid4().hex, "grants": grants, "scope": ["company"]})
            assert made.status_code == 201, made.text
            key: str = made.json()["key"]
        return key

    def run(self, name: str, key: str, *words: str, said: str = "") -> subprocess.CompletedProcess[str]:
        """A recipe with its token; no failure of it is a traceback."""
        done = subprocess.run(
            [sys.executable, str(RECIPES / f"{name}.py"), self.company.url, *words],
            env=os.environ | {"MAILROOM_TOKEN": key, "PYTHONDONTWRITEBYTECODE": "1"},
            input=said,
            capture_output=True,
            text=True,
            timeout=processes.HANG,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def rules(self, **said: str) -> dict[str, dict[str, str]]:
        """The rules in force of which this is so, by their senders."""
        with self.company.signed_in() as desk:
            items = desk.client.get("/rules", params={"limit": 200}).json()["items"]
        return {one["value"]: one for one in items if said.items() <= one.items()}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("recipes")
    (directory / "secret").write_text(KEY)
    port = processes.free_port()
    more = HOOK.format(port=port, secret=directory / "secret")
    with company.running(directory, f"sqlite:///{directory}/mailroom.db", f"maildir:{directory}/mailboxes", more=more) as made:
        yield Site(made, port)


CUSTOMERS = """\
\N{BOM}Name;E-Mail
Iris;Iris@Customer.example
Iris again;iris@customer.example
=cmd|' /C calc'!A0;ivo@other.example
Nobody;
Whole domain;customer.example
Two rules;"x@y.example scope=person:ada.byron"
Free;jo@gmail.com
"""


def test_customers_of_a_csv_are_let_in(site: Site, tmp_path: Path) -> None:
    key, file = site.token("read", "rules"), tmp_path / "customers.csv"
    file.write_text(CUSTOMERS, "utf-8")
    seed = partial(site.run, "seed_customers", key, str(file), "--column", "e-mail")
    looked = seed("--dry-run")
    assert (looked.returncode, looked.stdout.splitlines()[0]) == (1, "5 addresses: 3 rules would be made, 0 were there already")
    assert site.rules(note="customer") == {}
    made = seed()
    assert made.stdout.splitlines()[:2] == [
        "5 addresses: 3 rules made, 0 were there already",
        f"{file}:6: customer.example: this is no address",
    ]
    assert f"{file}:7: x@y.example scope=person:ada.byron: " in made.stdout
    assert len(made.stdout.splitlines()) == 3
    rules = site.rules(effect="allow", match="address", scope="company", proof="dmarc", note="customer")
    assert set(rules) == {"iris@customer.example", "ivo@other.example", "jo@gmail.com"}
    assert seed().stdout.startswith("5 addresses: 0 rules made, 3 were there already\n")
    whole = seed("--domains", "--scope", "department:it", "--proof", "aligned")
    assert whole.stdout.startswith("5 addresses: 3 rules made, 0 were there already\n")
    assert set(site.rules(scope="department:it", proof="aligned")) == {"customer.example", "other.example", "jo@gmail.com"}


@pytest.mark.long
def test_a_seed_says_what_is_in_its_way(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("name,mail\n")
    key = site.token("read")
    for words, code, says in (
        ([str(file)], 1, "has no column 'email'; there are name, mail"),
        ([str(tmp_path / "none.csv")], 1, "No such file"),
        ([], 2, "required: file"),
    ):
        done = site.run("seed_customers", key, *words)
        assert (done.returncode, says in done.stderr) == (code, True), done
    file.write_text("email\na@b.example\n")
    for wrong, says in ((key, "seed_customers: this needs a token with the scope rules"), ("", "put the token into $MAILROOM_TOKEN")):
        assert says in site.run("seed_customers", wrong, str(file)).stderr


FEED = f"""\
# a feed of today
0.0.0.0 {outside.PHISHER.name}
127.0.0.1 localhost
||Bad.example^  ! more below it
deep.bad.example
*.worse.example # no
\x1b[2J
known.example
{outside.SUPPLIER.name}
{company.DOMAIN}
"""


@pytest.mark.long
def test_the_domains_of_a_feed_are_blocked_renewed_and_spared(site: Site, tmp_path: Path) -> None:
    key, file = site.token("read", "rules"), tmp_path / "feed.txt"
    with site.company.signed_in() as desk:
        known = {"items": [{"employee": "ada.byron", "address": "kim@mail.known.example"}]}
        assert desk.client.post("/learn", json=known).status_code == 200
        allow = {"effect": "allow", "match": "address", "value": f"una@{outside.SUPPLIER.name}", "scope": "person:ada.byron"}
        assert desk.client.post("/rules", json=allow).status_code == 201
    file.write_text(FEED)
    block = partial(site.run, "block_feed", key)
    bad = OutsideMessage(f"crook@{outside.PHISHER.name}", TO, "Bad one")
    assert site.company.refusal(bad) is None
    few = block(str(file), "--name", "bad")
    assert (few.returncode, "names 6 domains, 0 are blocked by it: not believed" in few.stderr) == (1, True), few
    done = block(str(file), "--name", "bad", "--least", "3")
    assert done.stdout.splitlines() == [
        "6 domains: 3 blocked, 0 renewed, 0 stay, 1 lines name none",
        "spared, we know somebody there: known.example",
        f"spared, we know somebody there: {outside.SUPPLIER.name}",
        f"refused: {company.DOMAIN}: value: {company.DOMAIN} is your company's own domain; messages that forge it are held without a rule",
    ]
    assert done.returncode == 1
    processes.until(lambda: site.company.refusal(bad), "the door refuses whom the feed names", log=site.company.log)
    ends = {name: one["until"] for name, one in site.rules(note="feed bad", effect="block").items()}
    assert set(ends) == {outside.PHISHER.name, "bad.example", "worse.example"}
    again = block("-", "--name", "bad", "--least", "3", said=FEED)
    assert again.stdout.startswith("6 domains: 0 blocked, 0 renewed, 3 stay")
    longer = block("-", "--name", "bad", "--least", "3", "--days", "60", said=FEED)
    assert longer.stdout.startswith("6 domains: 0 blocked, 3 renewed, 0 stay")
    assert all(one["until"] > ends[name] for name, one in site.rules(note="feed bad").items())
    assert block("-", "--name", "bad", "--least", "0", said="").returncode == 1
    with site.company.signed_in() as desk:
        known = {"items": [{"employee": "ada.byron", "address": "jo@worse.example"}]}
        assert desk.client.post("/learn", json=known).status_code == 200
    late = block("-", "--name", "bad", "--least", "3", said=FEED)
    assert "spared, we know somebody there: worse.example\n" in late.stdout
    assert set(site.rules(note="feed bad")) == {outside.PHISHER.name, "bad.example"}


@pytest.mark.long
def test_a_feed_is_fetched(site: Site) -> None:
    with start_receiver() as feed:
        feed.serves = b"".join(b"host%d.feed.example\n" % number for number in range(12))
        done = site.run("block_feed", site.token("read", "rules"), feed.url, "--name", "web", "--dry-run")
    assert done.stdout == "12 domains: 12 would be blocked, 0 would be renewed, 0 stay, 0 lines name none\n"
    assert site.rules(note="feed web") == {}


@pytest.mark.long
def test_every_night_the_record_goes_on_where_it_ended(site: Site, tmp_path: Path) -> None:
    key = site.token("read", "admin")
    export = partial(site.run, "nightly_export", key, str(tmp_path))
    first = export()
    assert re.fullmatch(r"\d+ acts, \d+ rules, \d+ tables\n", first.stdout), first
    with site.company.signed_in():
        pass
    processes.until(lambda: not export().stdout.startswith("0 acts"), "the next night has what came since")
    records = sorted(tmp_path.glob("record-*.jsonl"))
    numbers = [json.loads(line)["sequence"] for file in records for line in file.read_text("utf-8").splitlines()]
    assert (len(records) > 1, numbers) == (True, list(range(1, len(numbers) + 1)))
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {file.stat().st_mode & 0o077 for file in files} == {0}
    assert not [file for file in files if file.name.endswith(".part")]
    rules = max(tmp_path.glob("rules-*.jsonl"))  # midnight may have come by
    assert all(json.loads(line)["effect"] for line in rules.read_text().splitlines())
    assert len(list(tmp_path.glob("figures-*/waiting-*.csv"))) > 1
    last = records[-1]
    last.write_text(last.read_text().replace('"sealed": "', '"sealed": "0'))
    odd = export()
    assert (odd.returncode, "of the record is not what was exported: run `mailroom audit verify`" in odd.stderr) == (1, True)


@contextlib.contextmanager
def telling(site: Site, log: Path, kind: str, port: int) -> Iterator[Receiver]:
    """A chat of this kind, and the recipe that tells it what is said at the port."""
    with start_receiver() as chat:
        command = [sys.executable, str(RECIPES / "notify_chat.py"), "--secret-file", str(site.company.directory / "secret"), "--chat", kind]
        process = processes.start([*command, "--listen", f"127.0.0.1:{port}"], log, environment=os.environ | {"CHAT_URL": chat.url})
        try:
            processes.until(lambda: "listening" in log.read_text(), "it listens", process, log)
            yield chat
        finally:
            processes.stop(process)


@pytest.fixture
def chat(site: Site, tmp_path: Path) -> Iterator[Receiver]:
    """A chat that hears what Mailroom says."""
    with telling(site, tmp_path / "log", "slack", site.port) as open_one:
        yield open_one


def called(
    port: int,
    kind: str = "time-limited.waiting",
    *,
    event: str = "0ABC",
    key: str = KEY,
    at: float = 0,
    sent: bytes = b"",
    body: bytes = b"",
) -> int:
    """Call as Mailroom does; what is answered. `sent` goes instead of what was signed."""
    data = {"department": "it", "number": 2, "moment": "2026-11-24T09:30:00+00:00", "link": "https://mailroom.company.example/"}
    mails = [{"sender": "<!here> *a*", "subject": "@all"}]
    body = body or json.dumps({"type": kind, "text": "It works.", "data": data | {"messages": mails}}).encode()
    headers = payloads.call_headers(event, [key], body, int(at or time.time()))
    return httpx.post(f"http://127.0.0.1:{port}/", content=sent or body, headers=headers, timeout=processes.HANG).status_code


@pytest.mark.long
def test_a_chat_hears_of_time_limited_messages(site: Site, chat: Receiver) -> None:
    code = OutsideMessage(
        f"login@{outside.SUPPLIER.name}", TO, "Your Supplier sign-in code is 482913", text="Your code 482913 expires in 10 minutes.\r\n"
    )
    site.company.take(code)
    (came,) = processes.until(lambda: chat.came, "the chat is told", log=site.company.log)
    notice, mail = came.json["text"].splitlines()
    assert re.fullmatch(r"1 time-limited message waiting for it, good until \d\d:\d\d UTC\.", notice)
    assert mail.replace("\u200b", "") == f"{code.author}: {code.subject}"


def test_only_calls_with_a_good_and_fresh_signature_reach_the_chat_and_each_once(site: Site, chat: Receiver) -> None:
    other = payloads.new_key()
    assert called(site.port, key=other) == 401
    assert called(site.port, at=time.time() - 600) == 401
    assert called(site.port, sent=b'{"type": "time-limited.waiting"}') == 401
    assert httpx.post(f"http://127.0.0.1:{site.port}/", content=b"{}", timeout=processes.HANG).status_code == 401
    chat.answer = make_answer(500)
    assert (called(site.port), len(chat.came)) == (503, 1)
    chat.answer = make_answer(200)
    assert [called(site.port), called(site.port), called(site.port, "folder.overdue", event="0ABD")] == [204, 204, 204]
    assert len(chat.came) == 2
    said = chat.came[-1].json["text"]
    assert said.splitlines()[0] == "2 time-limited messages waiting for it, good until 09:30 UTC."
    assert "&lt;!here&gt; *a*" in said
    assert "@all" not in said
    assert said.endswith("\n<https://mailroom.company.example/|Open the queue>")


@pytest.mark.long
def test_a_call_that_was_stored_before_an_upgrade_is_told(site: Site, chat: Receiver) -> None:
    data = {"number": 1, "mails": [{"sender": "a@b.example", "subject": "Your code"}]}
    assert called(site.port, body=json.dumps({"type": "perishable.waiting", "data": data}).encode()) == 204
    (came,) = chat.came
    assert came.json["text"].replace("\u200b", "").splitlines() == ["1 time-limited message waiting.", "a@b.example: Your code"]


@pytest.mark.long
def test_teams_gets_a_card(site: Site, tmp_path: Path) -> None:
    port = processes.free_port()
    with telling(site, tmp_path / "log", "teams", port) as chat:
        assert called(port) == 204
        assert called(port, "webhook.test", event="0ABD") == 204
        assert called(port, body=b'{"text": "format = slack"}') == 422
    assert "It works." in json.dumps(chat.came[1].json)
    (one,) = chat.came[0].json["attachments"]
    lines = [block["inlines"][0]["text"] for block in one["content"]["body"]]
    assert lines == ["2 time-limited messages waiting for it, good until 09:30 UTC.", "<!here> *a*: @all"]
    assert [act["url"] for act in one["content"]["actions"]] == ["https://mailroom.company.example/"]
