"""From nothing to single sign-on by docs/how-to/single-sign-on.md alone: its addresses, settings and commands, at a real provider."""

import re
import tomllib
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.console.test_single_sign_on import enter
from tests.peers import company, processes
from tests.peers.company import ROOT, Company
from tests.peers.openid import openid_provider
from tests.peers.openid.openid_provider import OpenIdProvider

PAGE = (ROOT / "docs" / "how-to" / "single-sign-on.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STARTED = "identity INFO answers about company"
PEOPLE = {
    "0001-nora": {"preferred_username": "nora", "name": "Nora Falk", "groups": ["mailroom-admins", "everybody"]},
    "0002-maria": {"preferred_username": "m.keller", "name": "Maria Keller", "groups": []},
}


def blocks_of(language: str) -> list[str]:
    """The page's blocks in this language."""
    return [text for name, text in BLOCK.findall(PAGE) if name == language]


def follow_page(site: Company, before: str, provider: OpenIdProvider, secret: Path, *, passwords: bool = True) -> None:
    """Write the settings that the page shows, with this company's addresses, check them as it says, and start again."""
    (block,) = blocks_of("toml")
    for there, here in (
        ("https://mailroom.example", site.url),
        ("https://id.example/realms/company", provider.issuer),
        ("/run/credentials/mailroom-identity.service/identity_company.secret", str(secret)),
    ):
        assert there in block
        block = block.replace(there, here)
    tomllib.loads(block)
    api, tables = block.split("\n\n", 1)
    ours = api.removeprefix("[api]\n") if passwords else api.removeprefix("[api]\n").replace(', "local"', "")
    (scopes,) = re.findall(r"`(scopes = \[.*?\])`", PAGE)
    file = site.directory / "mailroom.toml"
    slow = f"[identity]\ntimeout = {int(processes.HANG)}\n"  # of this machine: the page needs no such setting
    file.write_text(before.replace('sign_in = "local"\n', ours + "\n") + f"{slow}{tables}{scopes}\n")
    (commands,) = (one for one in blocks_of("sh") if "settings --check" in one)
    first, then = commands.splitlines()
    assert (first, then) == ("mailroom settings --check", "systemctl restart mailroom-api mailroom-identity")
    assert site.run(*first.split()[1:]).returncode == 0
    started = site.log.read_text().count(STARTED)
    site.stop()
    site.start()
    processes.until(lambda: site.log.read_text().count(STARTED) > started, "the role identity answers", site.process, site.log)


@pytest.mark.long  # test_single_sign_on.py signs in at the same provider
def test_an_administrator_gets_there_by_the_page_alone(tmp_path: Path, page: Page) -> None:
    port = processes.free_port()
    (tmp_path / "secret").write_text(openid_provider.SECRET)
    with (
        company.running(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", f"maildir:{tmp_path}/mailboxes", api_port=port) as site,
        openid_provider.start_provider(site.url, PEOPLE) as provider,
    ):
        before = (tmp_path / "mailroom.toml").read_text()
        told = re.findall(r"`(https://mailroom\.example/[^`]*)`", PAGE)
        assert openid_provider.addresses_of("https://mailroom.example") == tuple(told), "what the provider is given is what the page says"
        follow_page(site, before, provider, tmp_path / "secret")
        enter(page, site, "0001-nora")
        expect(page.get_by_role("button", name="Account of Nora Falk")).to_be_visible()
        expect(page.get_by_role("link", name="Staff")).to_be_attached()  # an administrator's

        page.goto("about:blank")  # the console would ask a company that is down
        assert site.run("staff", "link", "maria", "company", "0002-maria").returncode == 0
        follow_page(site, before, provider, tmp_path / "secret", passwords=False)
        page.context.clear_cookies()
        enter(page, site, "0002-maria")
        expect(page.get_by_role("button", name="Account of Maria Keller")).to_be_visible()
        page.context.clear_cookies()
        page.goto(site.url)
        expect(page.get_by_role("button", name="Sign in with Company")).to_be_visible()
        expect(page.get_by_label("Password")).to_have_count(0)
