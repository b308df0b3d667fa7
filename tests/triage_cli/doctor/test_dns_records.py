"""Doctor's checks of our own name in DNS."""

from dataclasses import replace
from pathlib import Path

import pytest

from triage.config.settings import Settings
from triage_cli.doctor import dns_records
from triage_cli.doctor.finding import OK, WARN

GOOD = """
company.example. TXT "v=spf1 mx -all"
_dmarc.company.example. TXT "v=DMARC1; p=reject"
mx.company.example. A 192.0.2.1
1.2.0.192.in-addr.arpa. PTR mx.company.example.
"""


def list_findings(settings: Settings, tmp_path: Path, zone: str) -> list[tuple[str, str]]:
    """The findings for this zone."""
    (tmp_path / "own.zone").write_text(zone)
    settings = replace(settings, dns=replace(settings.dns, zone_file=str(tmp_path / "own.zone")))
    found = list(dns_records.check_published(settings))
    assert all(bool(one.do) == (one.level != OK) for one in found)
    return [(one.level, one.found) for one in found]


def test_a_name_in_order(settings: Settings, tmp_path: Path) -> None:
    assert {level for level, _ in list_findings(settings, tmp_path, GOOD)} == {OK}


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('company.example. TXT "v=spf1 mx -all"\n', "", "company.example has no SPF record"),
        ('company.example. TXT "v=spf1 mx -all"', 'company.example. TXT "v=spf1 +all"', "lets anyone send in your name"),
        ('company.example. TXT "v=spf1 mx -all"', 'company.example. TXT "v=spf1 -all"\ncompany.example. TXT "v=spf1 mx"', "2 SPF records"),
        ("p=reject", "p=none", "does not ask receivers to refuse forgeries"),
        ('_dmarc.company.example. TXT "v=DMARC1; p=reject"\n', "", "company.example has no DMARC record"),
        ("mx.company.example. A 192.0.2.1\n", "", "mx.company.example has no address in DNS"),
        (
            "PTR mx.company.example.",
            "PTR dsl-7.provider.example.",
            "is not mx.company.example but dsl-7.provider.example",
        ),
    ],
)
def test_what_is_missing_is_named(before: str, after: str, says: str, settings: Settings, tmp_path: Path) -> None:
    assert before in GOOD
    ((_, words),) = [one for one in list_findings(settings, tmp_path, GOOD.replace(before, after)) if one[0] == WARN]
    assert says in words


@pytest.mark.parametrize(("zone", "level"), [('s1._domainkey.company.example. TXT "v=DKIM1; p=AAAA"\n', OK), ("", WARN)])
def test_the_key_of_the_seal(zone: str, level: str, settings: Settings, tmp_path: Path) -> None:
    settings = replace(settings, relay=replace(settings.relay, arc_domain="company.example", arc_selector="s1"))
    ((found, _),) = [one for one in list_findings(settings, tmp_path, GOOD + zone) if "s1._domainkey" in one[1]]
    assert found == level
