"""Quickstart's reading of an Exim configuration, with a real Exim."""

from pathlib import Path

import pytest

from tests.peers import processes
from tests.peers.mail import exim
from triage_cli.quickstart import exim_snippets, write_commands
from triage_cli.quickstart.mail_server import MailServer
from triage_cli.quickstart.read_exim import read_exim
from triage_cli.quickstart.write_settings import Ports

pytestmark = pytest.mark.peers

CONF = """
exim_path = {program}
primary_hostname = mail.company.example
domainlist local_domains = @ : localhost : company.example{more}
{hosts}
message_size_limit = 20M
never_users =
keep_environment =
begin routers
.include_if_exists {place}/exim-router
rest:
  driver = accept
  transport = nowhere
begin transports
.include_if_exists {place}/exim-transport
nowhere:
  driver = appendfile
  file = /dev/null
"""
HOSTS = "hostlist relay_from_hosts = 127.0.0.1 : 10.0.0.0/8"


def read(place: Path, monkeypatch: pytest.MonkeyPatch, hosts: str = HOSTS, more: str = "") -> MailServer:
    """An Exim with this configuration."""
    if not exim.PROGRAM.exists():
        raise processes.Missing("Exim is missing: run `make peers`")
    monkeypatch.setenv("PATH", str(exim.PROGRAM.parent), prepend=":")
    (place / "conf").write_text(CONF.format(program=exim.PROGRAM, place=place, hosts=hosts, more=more))
    found = read_exim(str(place / "conf"))
    assert found is not None
    return found


def test_domains_limits_and_snippets_that_exim_itself_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    with processes.short_directory("exim") as place:  # which Exim can read as its own user
        found = read(place, monkeypatch)
        assert (found.unsure, found.domains, found.size_limit) == ([], ("company.example",), 20 * 1024**2)
        for name, content in exim_snippets.write_snippets(place, Ports(2525, 25, 8080)).items():
            write_commands.write_file(place / name, content)
        assert "the router mailroom is in the configuration already" in read(place, monkeypatch).notes


def test_where_a_layout_is_not_understood_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no hostlist relay_from_hosts" in read(tmp_path, monkeypatch, hosts="").unsure[0]
    assert "cannot be listed" in read(tmp_path, monkeypatch, more=" : lsearch;/etc/domains").unsure[0]
