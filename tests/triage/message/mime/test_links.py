"""Targets of links, and their deceptions."""

import pytest
from hypothesis import given, strategies as st

from triage.message.mime.links import (
    browser_target,
    display_host,
    is_mixed,
    is_related_host,
    link_deceptions,
    link_destination,
    link_warnings,
    look_alike_skeleton,
    registered_organisation,
    shown_host,
)

FOREIGN = "".join(map(chr, range(0x4E00, 0x4E00 + 3_900)))
ACCENTED = "a" + "\u0301" * 400 + "\u0345" * 400


@pytest.mark.parametrize(
    ("target", "scheme", "host", "user"),
    [
        ("https://Shop.Example/x", "https", "shop.example", ""),
        ("http://shop.example:8080/x", "http", "shop.example", ""),
        ("http://bank.example@evil.test/", "http", "evil.test", "bank.example"),
        ("http://bank.example%2f@evil.test/", "http", "evil.test", "bank.example%2f"),
        ("http://a@b@evil.test/", "http", "evil.test", "a@b"),
        ("http:\\\\evil.test\\x", "http", "evil.test", ""),
        ("http:evil.test", "http", "evil.test", ""),
        ("https:////evil.test", "https", "evil.test", ""),
        (" \x01ht\ntp://ev\til.test/", "http", "evil.test", ""),
        ("//evil.test/x", "http", "evil.test", ""),
        ("www.evil.test", "http", "www.evil.test", ""),
        ("http://%65vil.test", "http", "evil.test", ""),
        ("http://ｅvil。test/", "http", "evil.test", ""),
        ("http://evil.test./", "http", "evil.test", ""),
        ("http://bücher.example/", "http", "xn--bcher-kva.example", ""),
        (f"http://{FOREIGN}.example/", "http", f"{FOREIGN}.example", ""),  # no name, as it stands
        (f"http://{FOREIGN[:100]}.example/", "http", f"{FOREIGN[:100]}.example", ""),
        ("http://日本語.example/", "http", "xn--wgv71a119e.example", ""),
        ("http://bu\u0308cher.example/", "http", "xn--bcher-kva.example", ""),
        ("http://ev\u00adil" + "\u200b" * 2_000 + ".test/", "http", "evil.test", ""),  # letters that do not count
        (f"http://{'ä.' * 122}example/", "http", f"{'xn--4ca.' * 122}example", ""),
        (f"http://{'ä.' * 124}example/", "http", f"{'ä.' * 124}example", ""),  # longer than a name
        (f"http://{ACCENTED}.example/", "http", f"{ACCENTED}.example".casefold(), ""),  # so many accents has no letter
        (f"http://{'☃' * 40}.example/", "http", f"xn--n3h{'a' * 39}.example", ""),  # each a letter
        ("http://2130706433/", "http", "127.0.0.1", ""),
        ("http://0x7f.1/", "http", "127.0.0.1", ""),
        ("http://0177.0.0.01/", "http", "127.0.0.1", ""),
        ("http://[::1]:80/", "http", "::1", ""),
        ("http://[::ffff:1.2.3.4", "http", "1.2.3.4", ""),
        ("http://256.1.1.1/", "http", "256.1.1.1", ""),
        ("mailto:ann@sender.example?subject=x", "mailto", "sender.example", ""),
        ("tel:+4930", "tel", "", ""),
        ("javascript:alert(1)", "javascript", "", ""),
        ("data:text/html,x", "data", "", ""),
        ("relative/path", "", "", ""),
        ("", "", "", ""),
    ],
)
def test_destination(target: str, scheme: str, host: str, user: str) -> None:
    to = link_destination(target)
    assert (to.scheme, to.host, to.user) == (scheme, host, user)


@pytest.mark.parametrize("host", [".".join([FOREIGN[:17]] * 14), ".".join([FOREIGN[:17]] * 56), ACCENTED, "ﷺ" * 1_000])
def test_a_host_that_many_links_share_is_read_once(host: str) -> None:
    """Parsing the host again for each link would take a minute."""
    assert len({link_destination(f"http://{host}/{number}").host for number in range(20_000)}) == 1


@pytest.mark.parametrize("rest", [FOREIGN[:900], ".".join([FOREIGN[:17]] * 55), ACCENTED])
def test_of_hosts_that_are_no_names_none_is_encoded(rest: str) -> None:
    """Encoding each host would take a minute."""
    assert all(link_destination(f"http://a{number}{rest}").host == f"a{number}{rest}".casefold() for number in range(6_000))


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://bank.example/x", "bank.example"),
        ("Go to https://bank.example/x now", "bank.example"),
        ("www.bank.example", "www.bank.example"),
        ("bank.example/path", "bank.example"),
        ("ann@bank.example", "bank.example"),
        ("(bank.example).", "bank.example"),
        ("https://bank.example@evil.test", "evil.test"),
        ("click here", ""),
        ("report.pdf", ""),
        ("Fig. 3.5", ""),
        ("see bank.example for more", ""),
        ("", ""),
    ],
)
def test_host_that_the_text_shows(text: str, host: str) -> None:
    assert shown_host(text) == host


@pytest.mark.parametrize(
    ("text", "target", "kinds"),
    [
        ("https://bank.example", "https://bank.example/login", []),
        ("https://bank.example", "https://www.bank.example/login", []),
        ("https://bank.example", "https://evil.test/", ["link-differs"]),
        ("bank.co.uk", "https://evil.co.uk/", ["link-differs"]),
        ("click here", "https://evil.test/", []),
        ("click here", "https://bank.example@evil.test/", ["link-hides-host"]),
        ("click here", "http://3221225985/", ["link-to-number"]),
        ("click here", "http://аррӏе.com/", ["link-foreign-letters"]),
        ("click here", "javascript:alert(1)", ["link-odd"]),
        ("ann@bank.example", "mailto:ann@evil.test", ["link-differs"]),
        ("bank.example", "https://bank.example:x@10.1/", ["link-differs", "link-hides-host", "link-to-number"]),
    ],
)
def test_deceptions(text: str, target: str, kinds: list[str]) -> None:
    assert [one.kind for one in link_deceptions(text, target)] == kinds
    assert len(link_warnings(text, target)) == len(kinds)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (
            "http://аррӏе.com/",
            "The name аррӏе.com has foreign letters; it really is xn--80ak6aa92e.com. It looks like apple.com and is not.",
        ),
        ("http://pаypal.com/", "The name pаypal.com mixes letters of different alphabets; it really is xn--pypal-4ve.com."),
        (
            "http://xn--zzz999999.example/",
            "The name xn--zzz999999.example is invalid: xn--zzz999999 is no valid encoding of foreign letters.",
        ),
        (
            "http://xn--company-.example/",
            "The name xn--company-.example is invalid: xn--company- is no valid encoding of foreign letters.",
        ),
        ("http://bücher.example/", "The name bücher.example has foreign letters; it really is xn--bcher-kva.example."),
        ("http://0x7f000001/", "Opens an IP address (127.0.0.1) instead of a name."),
    ],
)
def test_sentences(target: str, sentence: str) -> None:
    assert link_warnings("click", target) == (sentence,)


@pytest.mark.parametrize(
    ("host", "registered"),
    [
        ("a.b.bank.example", "bank.example"),
        ("www.bank.co.uk", "bank.co.uk"),
        ("co.uk", "co.uk"),
        ("lists.one.onmicrosoft.com", "one.onmicrosoft.com"),
        ("10.0.0.1", "10.0.0.1"),
        ("", ""),
    ],
)
def test_organisation(host: str, registered: str) -> None:
    assert registered_organisation(host) == registered
    assert is_related_host(host, registered) == bool(host)


@pytest.mark.parametrize(
    ("label", "mixed"), [("paypal", False), ("pаypal", True), ("日本語ひらがなabc", False), ("кириллица", False), ("a-1", False)]
)
def test_mixed_alphabets(label: str, mixed: bool) -> None:
    assert is_mixed(label) is mixed


@pytest.mark.parametrize(
    ("text", "plain"), [("Rоsa", "rosa"), ("RÓSA", "rosa"), ("аррӏе", "apple"), ("c0mpany1", "companyl"), ("ｒｏｓａ", "rosa")]
)
def test_skeleton(text: str, plain: str) -> None:
    assert look_alike_skeleton(text) == plain


SHOWN = ["bank.example", "https://www.bank.example/x", "Pay at bank.example now", "http://127.0.0.1/", "http://pаypal.example"]
TARGETS = [*SHOWN, "http://evil.test", "http://bank.example@evil.test", "https://bank.example.evil.test", "javascript:x", "//evil.test"]


@given(st.sampled_from(SHOWN) | st.text(max_size=80), st.sampled_from(TARGETS) | st.text(max_size=120))
def test_any_text_and_target(text: str, target: str) -> None:
    assert all(sentence.endswith(".") for sentence in link_warnings(text, target))
    assert browser_target(browser_target(target)) == browser_target(target)
    assert isinstance(display_host(link_destination(target).host), str)


@given(st.text(st.sampled_from("htps:/\\@.[]%0x1f9 a。"), max_size=40))
def test_any_arrangement_of_address_letters(target: str) -> None:
    assert isinstance(link_warnings(target, "http://" + target), tuple)
