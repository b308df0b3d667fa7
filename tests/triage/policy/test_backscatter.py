"""Recipients of notices about a message, as a table, without backscatter to forged senders."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from triage.message.authentication import Authentication, Dmarc, Result, Spf
from triage.message.summary import Summary
from triage.policy.backscatter import Circumstances, may_notify

ANNA = "anna@supplier.example"
PASS = Dmarc(Result.PASS, "supplier.example", "supplier.example", "reject", ("spf", "dkim"))
FOUND = Authentication(ANNA, (Spf(Result.PASS, "mailfrom", "supplier.example"),), dmarc=PASS)
WRITTEN = Summary(parsed=True, author=ANNA, authors=(ANNA,), subject="Offer", content_type="text/plain")
FINE = Circumstances(ANNA, FOUND, WRITTEN, frozenset({"company.example"}))


def found(**more: object) -> Authentication:
    return replace(FOUND, **more)  # type: ignore[arg-type]


def spf(result: Result, identity: str = "mailfrom", domain: str = "supplier.example") -> Authentication:
    return found(spf=(Spf(result, identity, domain),))


def author(address: str) -> dict[str, object]:
    """Message of another author with full proof."""
    domain = address.rpartition("@")[2]
    proven = Authentication(address, (Spf(Result.PASS, "mailfrom", domain),), dmarc=replace(PASS, domain=domain))
    return {"reverse_path": address, "authentication": proven, "summary": replace(WRITTEN, author=address, authors=(address,))}


def summary(**more: object) -> dict[str, object]:
    return {"summary": replace(WRITTEN, **more)}  # type: ignore[arg-type]


TABLE: list[tuple[dict[str, object], str]] = [
    # what is different from a proven person's mail                  the reason begins with
    ({}, ""),
    ({"reverse_path": "Anna@SUPPLIER.example"}, ""),
    ({"reverse_path": "crm-17@supplier.example"}, ""),
    ({"direction": "notice"}, "the message is a notice"),
    ({"direction": "bounce"}, "the message is a notice"),
    ({"reverse_path": ""}, "the message names no sender"),
    ({"reverse_path": "anna"}, "the sender has no valid address"),
    ({"reverse_path": '"a b"@supplier.example'}, "the sender has no valid address"),
    (author("anna@company.example"), "the message claims to come from your own"),
    (author("anna@mail.company.example"), "the message claims to come from your own"),
    ({"reverse_path": "anna@company.example"}, "the message claims to come from your own"),
    (summary(automatic="auto-submitted"), "a program or a mailing list"),
    (summary(automatic="precedence"), "a program or a mailing list"),
    (summary(automatic="list-unsubscribe"), "a program or a mailing list"),
    (summary(list_id="news.supplier.example"), "a program or a mailing list"),
    (summary(content_type="multipart/report"), "a program or a mailing list"),
    (author("mailer-daemon@supplier.example"), "nobody reads"),
    (author("no-reply@supplier.example"), "nobody reads"),
    (author("NoReply-17@supplier.example"), "nobody reads"),
    (author("owner-news@supplier.example"), "nobody reads"),
    (author("news-request@supplier.example"), "nobody reads"),
    (author("bounces+17=anna@supplier.example"), "nobody reads"),
    (author("bernard@supplier.example"), ""),
    ({"authentication": found(dmarc=replace(PASS, result=Result.FAIL))}, "the sender is not proven"),
    ({"authentication": found(dmarc=replace(PASS, result=Result.NONE))}, "the sender is not proven"),
    ({"authentication": found(dmarc=replace(PASS, result=Result.TEMPERROR))}, "the sender is not proven"),
    ({"authentication": found(author="eve@supplier.example")}, "the sender is not proven"),
    (summary(author=""), "the sender is not proven"),
    (summary(parsed=False), "the sender is not proven"),
    ({"normalised": True}, "the sender is not proven"),
    ({"authentication": spf(Result.SOFTFAIL)}, "it is not proven that a reply"),
    ({"authentication": spf(Result.NONE)}, "it is not proven that a reply"),
    ({"authentication": spf(Result.PASS, "helo")}, "it is not proven that a reply"),
    ({"authentication": spf(Result.PASS, domain="mailer.example")}, "it is not proven that a reply"),
    ({"authentication": found(dmarc=replace(PASS, aligned=("dkim",)))}, "it is not proven that a reply"),
    ({"reverse_path": "anna@mailer.example", "authentication": spf(Result.PASS)}, "it is not proven that a reply"),
    ({"already_notified": True}, "the sender already got a notice"),
    ({"way_out": False}, "no server for outgoing messages"),
]


@pytest.mark.parametrize(("different", "reason"), TABLE)
def test_who_may_be_told(different: dict[str, object], reason: str) -> None:
    told = may_notify(replace(FINE, **different))  # type: ignore[arg-type]
    assert told.startswith(reason)
    assert bool(told) == bool(reason)


ADDRESSES = st.sampled_from(
    ["", ANNA, "eve@supplier.example", "eve@stranger.example", "anna@company.example", "x", "no-reply@supplier.example"]
)
DOMAINS = st.sampled_from(["supplier.example", "stranger.example", "company.example", ""])
AUTHENTICATIONS = st.builds(
    Authentication,
    ADDRESSES,
    st.lists(st.builds(Spf, st.sampled_from(Result), st.sampled_from(["mailfrom", "helo"]), DOMAINS), max_size=2).map(tuple),
    dmarc=st.builds(
        Dmarc,
        st.sampled_from(Result),
        DOMAINS,
        DOMAINS,
        st.just("reject"),
        st.lists(st.sampled_from(["spf", "dkim"]), max_size=2).map(tuple),
    ),
)
SUMMARIES = st.builds(
    Summary,
    parsed=st.booleans(),
    author=ADDRESSES,
    automatic=st.sampled_from(["", "list-id", "auto-submitted"]),
    content_type=st.sampled_from(["text/plain", "multipart/report"]),
)


@given(
    st.builds(
        Circumstances,
        ADDRESSES,
        AUTHENTICATIONS,
        SUMMARIES,
        st.just(frozenset({"company.example"})),
        st.booleans(),
        st.sampled_from(["in", "notice"]),
        st.booleans(),
        st.booleans(),
    )
)
def test_nobody_is_told_without_proof_and_nothing_goes_in_a_circle(seen: Circumstances) -> None:
    if may_notify(seen):
        return
    found, domain = seen.authentication, seen.reverse_path.rpartition("@")[2].casefold()
    assert found.dmarc.result is Result.PASS
    assert "spf" in found.dmarc.aligned
    assert any(one.result is Result.PASS and one.identity == "mailfrom" and one.domain == domain for one in found.spf)
    assert seen.summary.author == found.author != ""
    assert domain not in ("", "company.example")
    assert not seen.summary.automatic
    assert (seen.direction, seen.already_notified, seen.normalised) == ("in", False, False)
