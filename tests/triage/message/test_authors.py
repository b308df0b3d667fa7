"""From fields, awkward and hostile: exactly one clear author, or none."""

import pytest
from hypothesis import given, strategies as st

from tests.triage.text.test_sanitize import harmful
from triage.message.authors import FIELD_LIMIT, MANY, TRIED, Mailbox, author_of, named_addresses, read_mailbox

CLEAR = [
    ("ann@sender.example", "", "ann@sender.example"),
    ("Ann Lee <ann@sender.example>", "Ann Lee", "ann@sender.example"),
    ("ANN@Sender.Example", "", "ann@sender.example"),
    ('"Lee, Ann" <ann@sender.example>', "Lee, Ann", "ann@sender.example"),
    ('"Ann \\"A\\" Lee" <ann@sender.example>', 'Ann "A" Lee', "ann@sender.example"),
    ("Ann Q. Lee <ann@sender.example>", "Ann Q. Lee", "ann@sender.example"),
    ("ann@sender.example (Ann Lee)", "Ann Lee", "ann@sender.example"),
    ("Ann (at work (and (nested))) <ann@sender.example> (really)", "Ann", "ann@sender.example"),
    ("Ann (or <ceo@other.example>) <ann@sender.example>", "Ann", "ann@sender.example"),
    ("=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_M?= <ann@sender.example>", "Jörg M", "ann@sender.example"),
    ('"=?utf-8?b?SsO2cmc=?=" <ann@sender.example>', "Jörg", "ann@sender.example"),
    ("=?utf-8?q?ceo=40other=2Eexample?= <ann@sender.example>", "ceo@other.example", "ann@sender.example"),
    ("=?x-unknown?q?Ann?= <ann@sender.example>", "Ann", "ann@sender.example"),
    ('"ceo@other.example" <ann@sender.example>', "ceo@other.example", "ann@sender.example"),
    ("ann@sender.example <Ann@Sender.example>", "ann@sender.example", "ann@sender.example"),
    ("[Desk] Ann <ann@sender.example>", "[Desk] Ann", "ann@sender.example"),
    ("Ann < ann@sender.example >", "Ann", "ann@sender.example"),
    ("Ann <ann@bücher.example>", "Ann", "ann@xn--bcher-kva.example"),
    ("Ann <ann@xn--bcher-kva.example>", "Ann", "ann@xn--bcher-kva.example"),
    ("Ann <müller@sender.example>", "Ann", "müller@sender.example"),
    ("\u202eAnn <ann@sender.example>", "\\u202eAnn", "ann@sender.example"),
    ("Ann\x1b[2J <ann@sender.example>", "Ann\\x1b[2J", "ann@sender.example"),
]

UNCLEAR = [
    ("", []),
    ("Ann", []),
    ("ann@sender.example, bob@other.example", ["ann@sender.example", "bob@other.example"]),
    ("Lee, Ann <ann@sender.example>", ["ann@sender.example"]),
    ("ceo@other.example <ann@sender.example>", ["ann@sender.example", "ceo@other.example"]),
    ("ceo@other.example ann@sender.example", ["ceo@other.example", "ann@sender.example"]),
    ("Ann <ann@sender.example> <ceo@other.example>", ["ann@sender.example", "ceo@other.example"]),
    ("Ann <ann@sender.example> ceo@other.example", ["ann@sender.example", "ceo@other.example"]),
    ("Ann <ann@sender.example", ["ann@sender.example"]),
    ('"Ann <ann@sender.example>', ["ann@sender.example"]),
    ("Ann (never closed <ann@sender.example>", ["ann@sender.example"]),
    ("Ann ann@sender.example", ["ann@sender.example"]),
    ("ann @ sender.example", ["ann@sender.example"]),
    ("ann(x)@sender.example", ["ann@sender.example"]),
    ("<@relay.example:ann@sender.example>", ["ann@sender.example"]),
    ("Team: ann@sender.example;", ["ann@sender.example"]),
    ("undisclosed recipients:;", []),
    ("ann@sender.example,", ["ann@sender.example"]),
    ('"ann"@sender.example', ['"ann"@sender.example']),
    ('"ann@sender.example"@other.example', ["ann@sender.example", '"ann@sender.example"@other.example']),
    ("ann@sender.example.", ["ann@sender.example"]),
    ("ann@[192.0.2.1]", []),
    ("ann@localhost", ["ann@localhost"]),
    ("ann@faß.example", ["ann@fass.example"]),
    ("ann@ｓender.example", ["ann@sender.example"]),
    ("a\u200bnn@sender.example", ["a\\u200bnn@sender.example"]),
    ("=?utf-8?q?ann=40sender=2Eexample?=", ["ann@sender.example"]),
    ("=?utf-8?b?Y2VvQG90aGVyLmV4YW1wbGU=?==?utf-8?q?=00?=@sender.example", ["@sender.example"]),
    ("Ann\x00 <ann@sender.example>", ["ann@sender.example"]),
    ("ann@other.example@sender.example", ["ann@other.example", "@sender.example"]),
]


@pytest.mark.parametrize(("field", "name", "address"), CLEAR)
def test_one_clear_author(field: str, name: str, address: str) -> None:
    author = author_of([field.encode()])
    assert (author.name, author.address) == (name, address)
    assert named_addresses([field.encode()]) == (address,)


@pytest.mark.parametrize(("field", "suspects"), UNCLEAR)
def test_no_author_where_programs_could_differ(field: str, suspects: list[str]) -> None:
    assert author_of([field.encode()]).address == ""
    found = named_addresses([field.encode()])
    assert set(suspects) <= set(found), "an address that somebody could read there must be seen by the rules about our own domain"
    assert bool(suspects) == bool(found)


def test_two_fields_have_no_author() -> None:
    assert author_of([b"ann@sender.example", b"ann@sender.example"]).address == ""
    assert named_addresses([b"ann@sender.example", b"bob@other.example"]) == ("ann@sender.example", "bob@other.example")


def test_a_malformed_field_has_no_author() -> None:
    assert author_of([b"ann@sender.example"], strict=False).address == ""


def test_latin_1_may_be_a_name_and_never_an_address() -> None:
    assert author_of([b"J\xf6rg <ann@sender.example>"]).name == "Jörg"
    assert author_of([b"J\xf6rg <ann@sender.example>"]).address == "ann@sender.example"
    assert author_of([b"<j\xf6rg@sender.example>"]).address == ""


PIECES = ['\\"', "(", "a", '"a', "(a)", "a@b.c,", "=?utf-8?q?", "<", "@", "a@", "=?q?q?=", ";", "\\", '"\\', "\u200d", "\u0300\u0315"]
FOREIGN = "".join(map(chr, range(0x4E00, 0x9000)))


@pytest.mark.parametrize("piece", [*PIECES, FOREIGN, f"a@{FOREIGN}"])
def test_long_fields_are_read_in_bounded_time(piece: str) -> None:
    long = piece * (2 * FIELD_LIMIT // len(piece))
    for field in (long.encode(), f"é{long[:15_000]}é@company.example".encode(), f"a@{long[:15_000]}é.example".encode()):
        assert author_of([field]).address == ""
        assert len(named_addresses([field])) <= 500


FORMS = ["a@é{}.example", "A@É{}.Example", "a@é+{}.example", "a@xn--{}.example", "a{}@é", "é{}@x"]


@pytest.mark.parametrize("form", FORMS)
def test_of_unclear_fields_so_many_pieces_are_tried(form: str) -> None:
    """Trying all pieces at each place would take ten seconds."""
    pieces = [form.format(number) for number in range(5 * TRIED)]
    assert len(named_addresses(" ".join(pieces[start::10]).encode() for start in range(10))) <= MANY


@pytest.mark.parametrize(
    ("before", "seen"),
    [
        (["a@é.example"] * 3_000, True),
        ([f"a@é+{number}.example" for number in range(TRIED // 4)], True),
        ([f"a@é+{number}.example" for number in range(TRIED)], False),
        ([f"a@é{number}.example" for number in range(MANY - 1)], True),
        ([f"a@é{number}.example" for number in range(MANY)], False),
    ],
    ids=["again and again", "no addresses", "too many that are none", "addresses", "too many"],
)
def test_how_far_an_address_is_looked_for_in_unclear_fields(before: list[str], seen: bool) -> None:
    found = named_addresses([" ".join(before).encode(), b"x ann@sender.example"])
    assert ("ann@sender.example" in found) is seen
    assert len(found) <= MANY


@given(st.binary(max_size=300))
def test_any_bytes(field: bytes) -> None:
    author = author_of([field])
    assert harmful(author.name + author.address + "".join(named_addresses([field]))) == []
    assert (author.address in named_addresses([field])) or not author.address


WRITTEN = ["ann@sender.example", "<bo@x.example>", "Ann", '"Lee, Ann"', "(at work)", "=?utf-8?q?J=C3=B6rg?=", *'@<>,;:()"\\ é\u202e']


@given(st.lists(st.sampled_from(WRITTEN), max_size=6).map("".join))
def test_a_clear_reading_names_what_it_says(field: str) -> None:
    reading = read_mailbox(field.encode())
    if reading.clear:
        assert all(mailbox.address and mailbox.address.partition("@")[0] in field.casefold() for mailbox in reading.mailboxes)
        assert field.count("@") >= len(reading.mailboxes)


def test_of_many_fields_the_first_ones_name_somebody_who_is_not_sure() -> None:
    fields = [b"Ana <ana@x.example>", *(b"%d <%d@x.example>" % (number, number) for number in range(2_000))]
    assert author_of(fields) == Mailbox("Ana", "")
    assert author_of([*[b"a@x.example"] * 5, b"Eve <eve@x.example>"]) == Mailbox("a@x.example", "")
