"""Our Authentication-Results: other programs read them as we mean them, and nobody else's pass for ours."""

import authres  # type: ignore[import-untyped]
import pytest
from hypothesis import given, strategies as st

from triage.message.authentication import Arc, Authentication, Dkim, Dmarc, Result, Spf
from triage.message.trace.authentication_results import authentication_results, is_forged_field

OURS = "mx.company.example"
FULL = Authentication(
    author="ruth@stranger.example",
    spf=(Spf(Result.SOFTFAIL, "mailfrom", "stranger.example", "matched ~all"), Spf(Result.PASS, "helo", "mail.stranger.example")),
    dkim=(
        Dkim(Result.PASS, "stranger.example", "k1", "rsa-sha256", "@stranger.example"),
        Dkim(Result.PERMERROR, "list.example", "s", "rsa-sha1", reason="rsa-sha1 is no proof (RFC 8301)"),
    ),
    arc=Arc(Result.FAIL, "list.example", 2, "seal 2 does not fit"),
    dmarc=Dmarc(Result.PASS, "stranger.example", "stranger.example", "reject", ("dkim",)),
)
NASTY = Authentication(
    author="",
    spf=(Spf(Result.FAIL, "mailfrom", 'a"b\r\nX-Evil: 1; dmarc=pass'), Spf(Result.NONE, "helo", "mail.example")),
    dkim=(Dkim(Result.PERMERROR, "ex\\ample (x", "s=1;", "rsa-sha256"), Dkim(Result.FAIL, "bücher.example", reason='";) dkim=pass')),
    arc=Arc(Result.PASS, "sealer.example", 2),
    dmarc=Dmarc(Result.NONE),
)


def read(found: Authentication) -> authres.AuthenticationResultsHeader:
    """Our field as another program reads it."""
    field = authentication_results(found, OURS)
    assert field.endswith("\r\n")
    return authres.AuthenticationResultsHeader.parse(field.removesuffix("\r\n").replace("\r\n", ""))


def test_every_method_with_its_reason_and_what_it_is_about() -> None:
    assert authentication_results(FULL, OURS) == (
        "Authentication-Results: mx.company.example;\r\n"
        '\tspf=softfail reason="matched ~all" smtp.mailfrom=stranger.example;\r\n'
        "\tspf=pass smtp.helo=mail.stranger.example;\r\n"
        "\tdkim=pass header.d=stranger.example header.s=k1 header.a=rsa-sha256;\r\n"
        '\tdkim=permerror reason="rsa-sha1 is no proof (RFC 8301)" header.d=list.example\r\n\t header.s=s header.a=rsa-sha1;\r\n'
        '\tarc=fail reason="seal 2 does not fit" policy.sealer=list.example;\r\n'
        "\tdmarc=pass header.from=stranger.example policy.dmarc=reject\r\n"
    )


def test_where_nothing_was_found_it_says_so() -> None:
    assert (
        authentication_results(Authentication(""), OURS)
        == "Authentication-Results: mx.company.example;\r\n\tdkim=none;\r\n\tdmarc=none\r\n"
    )


@pytest.mark.parametrize(("result", "word"), [(Result.PASS, "pass"), (Result.TEMPERROR, "none"), (Result.PERMERROR, "none")])
def test_arc_has_three_words_only(result: Result, word: str) -> None:
    found = read(Authentication("", arc=Arc(result, "list.example", 1, "x")))
    assert [(one.method, one.result) for one in found.results] == [("dkim", "none"), ("arc", word), ("dmarc", "none")]


def test_values_from_the_mail_are_quoted() -> None:
    field = authentication_results(NASTY, OURS)
    assert 'spf=fail smtp.mailfrom="a\\"b??X-Evil: 1; dmarc=pass";\r\n\tspf=none smtp.helo=mail.example;' in field
    assert 'header.d="ex\\\\ample (x" header.s="s=1;"' in field
    assert 'header.d="b?cher.example"' in field
    assert 'dkim=fail reason="\\";) dkim=pass" header.d' in field


RESULTS = st.sampled_from(Result)
TOKENS = st.sampled_from(["", "stranger.example", "s1", "a_b.xn--firm-ooa.example"])
WORDS = st.one_of(st.sampled_from(["", "matched -all", "a" * 300, 'x"; dmarc=pass', "b\\", "ä", "\r\nX: y"]), st.text(max_size=30))


def anything(named: st.SearchStrategy[str]) -> st.SearchStrategy[Authentication]:
    return st.builds(
        Authentication,
        st.just("ruth@stranger.example"),
        st.lists(st.builds(Spf, RESULTS, st.sampled_from(["mailfrom", "helo"]), named, WORDS), max_size=2).map(tuple),
        st.lists(st.builds(Dkim, RESULTS, named, named, named, named, WORDS), max_size=3).map(tuple),
        st.builds(Arc, st.sampled_from([Result.PASS, Result.FAIL]), named, st.integers(0, 3), WORDS),
        st.builds(Dmarc, RESULTS, named, named, st.sampled_from(["", "reject"]), st.just(()), WORDS),
    )


def make_result(method: str, outcome: str, reason: str, **properties: str) -> tuple[str, str, str, dict[str, str]]:
    """A result as it reaches the reader, which leaves quoted pairs as they are; backslashes apart."""
    shown = "".join(letter if " " <= letter <= "~" else "?" for letter in reason)[:255]
    about = {name.replace("_", "."): text for name, text in properties.items() if text}
    return method, outcome, shown.replace("\\", ""), about


def understood(one: authres.AuthenticationResult) -> tuple[str, str, str, dict[str, str]]:
    about = {f"{each.type}.{each.name}": each.value for each in one.properties}
    return one.method, one.result, (one.reason or "").replace("\\", ""), about


@given(anything(TOKENS))
def test_there_and_back_through_another_reader(found: Authentication) -> None:
    seen = read(found)
    assert seen.authserv_id == OURS
    assert [understood(one) for one in seen.results] == [
        *(make_result("spf", one.result, one.reason, **{f"smtp_{one.identity}": one.domain}) for one in found.spf),
        *(
            make_result("dkim", one.result, one.reason, header_d=one.domain, header_s=one.selector, header_a=one.algorithm)
            for one in found.dkim
        ),
        *([] if found.dkim else [make_result("dkim", "none", "")]),
        *([make_result("arc", found.arc.result, found.arc.reason, policy_sealer=found.arc.sealer)] if found.arc.instances else []),
        make_result("dmarc", found.dmarc.result, found.dmarc.reason, header_from=found.dmarc.domain, policy_dmarc=found.dmarc.policy),
    ]


@given(anything(st.one_of(TOKENS, WORDS)))
def test_whatever_was_found_no_value_speaks_for_itself(found: Authentication) -> None:
    field = authentication_results(found, OURS)
    assert field.isascii()
    assert all(line.strip() and len(line) <= 998 for line in field.removesuffix("\r\n").split("\r\n"))  # RFC 5322, 2.1.1
    wanted = [("spf", one.result) for one in found.spf] + ([("dkim", one.result) for one in found.dkim] or [("dkim", Result.NONE)])
    wanted += [("arc", found.arc.result)] if found.arc.instances else []
    assert [(one.method, one.result) for one in read(found).results] == [*wanted, ("dmarc", found.dmarc.result)]


COMMENTS = st.sampled_from(["", " ", "\r\n ", "(x)", " (a (nested) \\) one) ", "\r\n\t(mx.elsewhere.example;)\r\n "])
VERSIONS = st.sampled_from(["", " 1", " 2 ", "\r\n 1", " (v) 1"])
WAYS = st.sampled_from(
    [
        str,
        str.upper,
        str.title,
        lambda name: f'"{name}"',
        lambda name: f'"{name[0]}\\{name[1:]}"',
        lambda name: name + ".",
        lambda name: name.replace("firma", "fir(x)ma"),
        lambda name: f"=?utf-8?q?{name.replace('.', '=2E')}?=",
        lambda name: name.replace(".", "\u3002"),
        lambda name: name.replace("a", "\uff41"),
        lambda name: name.replace("m", "m\u200b"),
    ]
)
NAMES = st.sampled_from(["mx.xn--firm-ooa.example", "mx.firmä.example", "MX.FIRMÄ.example"])


@given(COMMENTS, NAMES, WAYS, COMMENTS, VERSIONS, st.sampled_from(["; dmarc=pass", ";dmarc=pass (x)", " ; none", ""]))
def test_however_our_name_is_written_it_is_ours(before: str, name: str, way: object, after: str, version: str, rest: str) -> None:
    field = f" {before}{way(name)}{after}{version}{rest}"  # type: ignore[operator]
    assert is_forged_field(field.encode(), "mx.xn--firm-ooa.example")
    assert is_forged_field(field.encode(), "mx.firmä.example")


def test_a_reader_with_the_old_idna_is_thought_of() -> None:
    assert is_forged_field("mx.straße.example; dmarc=pass".encode(), "mx.strasse.example")  # RFC 3490 reads it so, RFC 5891 does not


@pytest.mark.parametrize(
    ("name", "ours", "is_ours"),
    [
        ("mx.company.example\u3002", OURS, True),
        ("mx.company.example.\u200b..", OURS, True),
        ("mx\uff0ecompany\u3002example\u3002.", OURS, True),
        ("\u2488example", "1.example", True),  # one letter with a dot in it
        ("mx", "mx", True),
        ("mx.company.example\u3002\u3002", OURS, False),
        ("mx.company.example.\uff45\u3002", OURS, False),
        ("mx.company.example", "mx", False),
    ],
)
def test_dots_that_other_letters_make(name: str, ours: str, is_ours: bool) -> None:
    assert is_forged_field(f"{name}; dmarc=pass".encode(), ours) is is_ours


def test_names_of_many_parts_are_not_read_as_domains() -> None:
    """Parsing each part would take minutes."""
    name = ".".join(["äöüéèàñçßøåæœþðýžšč"] * 45)
    assert not any(is_forged_field(f"{number}{name}; none".encode(), OURS) for number in range(10_000))


OTHERS = st.sampled_from(
    ["mx.elsewhere.example", "relay.mx.firmä.example", "firmä.example", "mx.firmä.example.org", "xmx.firmä.example", "mx.firma.example"]
)


@given(COMMENTS, OTHERS, WAYS, COMMENTS, VERSIONS, st.sampled_from(["; dmarc=pass", "; spf=pass smtp.mailfrom=mx.firmä.example"]))
def test_what_others_found_stays(before: str, name: str, way: object, after: str, version: str, rest: str) -> None:
    field = f" {before}{way(name)}{after}{version}{rest}"  # type: ignore[operator]
    assert not is_forged_field(field.encode(), "mx.xn--firm-ooa.example")


ENDS = st.sampled_from(["; dmarc=pass", "; none", ";", " 1", "(x)", "\r\n ", ".", "\0", "x", "\u3002", "\u200b", '"'])


@given(st.lists(ENDS, max_size=6).map("".join).map(str.encode) | st.binary(max_size=200))
def test_whatever_another_reader_takes_for_ours_is_removed(text: bytes) -> None:
    field = OURS.encode() + text
    try:
        seen = authres.AuthenticationResultsHeader.parse("Authentication-Results: " + field.decode("utf-8", "replace").replace("\r\n", ""))
    except Exception:  # it is nothing to that reader
        return
    if str(seen.authserv_id).casefold().rstrip(".") == OURS:
        assert is_forged_field(field, OURS)
