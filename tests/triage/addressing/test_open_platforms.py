"""Services through which anybody can send."""

from pathlib import Path

import pytest

from tests.triage.messages import from_archive
from triage.addressing.freemail_domains import PROVIDERS
from triage.addressing.open_platforms import PLATFORMS, platform_of


@pytest.mark.parametrize(
    ("domain", "platform"),
    [("docusign.net", "docusign.net"), ("eumail.docusign.net", "docusign.net"), ("notdocusign.net", ""), ("net", ""), ("", "")],
)
def test_what_lies_below_a_platform_is_one(domain: str, platform: str) -> None:
    assert platform_of(domain, PLATFORMS) == platform


def test_no_platform_is_a_mailbox_provider() -> None:
    assert set(PLATFORMS).isdisjoint(PROVIDERS)


@pytest.mark.corpus
def test_each_stands_in_a_list_of_authenticated_senders(corpus: Path) -> None:
    lists = (raw.decode().split() for _, raw in from_archive(corpus, "lists", (".cf", ".inc")))
    assert set(PLATFORMS) <= {word.rpartition("@")[2].removeprefix("*.") for words in lists for word in words}
