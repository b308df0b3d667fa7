"""Finds look-alikes: names and domains that a hurried reader takes for another."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from triage.message.mime.links import display_host, look_alike_skeleton, registered_organisation

SKIPPED = re.compile(r"\([^)]*\)|\[[^\]]*\]|[\"'`.,]")
LONG_ENOUGH = 5  # letters of a name from which on one letter off is a likeness
VERY_LONG = 10
ORDINARY = re.compile(r"com|net|org|info|eu|[a-z]{2}")  # endings under which companies have their name in several countries
TELLING = 4  # letters of a name from which on it means us when it stands within another
KEY_LIMIT = 40  # letters of a name that keys are made of

_plain_names: tuple[Mapping[str, str], dict[str, str]] = ({}, {})
_spelled: tuple[Mapping[str, str], dict[str, str]] = ({}, {})


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """A person's name as a hasty eye reads it: "Dahl, Rosa (via Mail)" and "R\u043esa Dahl" are rosa dahl."""
    last, comma, first = name.partition(",")
    ordered = f"{first} {last}" if comma else name
    return " ".join(look_alike_skeleton(SKIPPED.sub(" ", ordered)).split())


def plain_names(people: Mapping[str, str]) -> dict[str, str]:
    """`people` by plain name. Remembered for the last mapping: the judge asks with the same one for every message."""
    global _plain_names
    known, plain = _plain_names
    if known is not people:
        plain = {plain_name(name): mailbox for name, mailbox in people.items()}
        _plain_names = (people, plain)
    return plain


def mailboxes_by_spelling(people: Mapping[str, str]) -> dict[str, str]:
    """The mailboxes of `people` whose local parts are two words or more, by how these look. Remembered as by `plain_names`."""
    global _spelled
    known, spelled = _spelled
    if known is not people:
        spelled = {found: mailbox for mailbox in people.values() if (found := spell_local_part(mailbox))}
        _spelled = (people, spelled)
    return spelled


@lru_cache(maxsize=4096)
def spell_local_part(address: str) -> str:
    """A local part of two words or more as a hasty eye reads it; "" for others, which many people have elsewhere."""
    words = [word for word in re.split(r"[._-]", look_alike_skeleton(address.rpartition("@")[0])) if word]
    return merge_look_alike_letters(" ".join(words)) if len(words) > 1 and all(len(word) > 1 for word in words) else ""


@lru_cache(maxsize=8192)
def looks_like(domain: str, own: str) -> bool:
    """Whether somebody could take `domain` for the domain `own`. The same letters, a letter off, another ending, or its name with more."""
    if not domain or registered_organisation(domain) == registered_organisation(own):
        return False
    theirs, ours = (
        look_alike_skeleton(display_host(registered_organisation(domain))),
        look_alike_skeleton(display_host(registered_organisation(own))),
    )
    their_name, our_name = theirs.partition(".")[0], ours.partition(".")[0]
    if merge_look_alike_letters(theirs) == merge_look_alike_letters(ours) or merge_look_alike_letters(
        their_name
    ) == merge_look_alike_letters(our_name):
        return True
    if len(our_name) >= TELLING and name_within(look_alike_skeleton(display_host(domain)), our_name):
        return True
    allowed = 0 if len(our_name) < LONG_ENOUGH else 1 if len(our_name) < VERY_LONG else 2
    return 0 < edit_distance(their_name, our_name, allowed) <= allowed


def is_sibling(domain: str, other: str) -> bool:
    """Has `domain` exactly the name of another one, under an ordinary ending, as northwind.de beside northwind.com?"""
    one, two = registered_organisation(domain), registered_organisation(other)
    return one.partition(".")[0] == two.partition(".")[0] and ORDINARY.fullmatch(one.rpartition(".")[2]) is not None


def name_within(domain: str, name: str) -> bool:
    """Whether a name is a word of another domain, as in name-support.example or name.example.evil.example."""
    return name in re.split(r"[.-]", domain) or ("-" in name and name in domain)


def merge_look_alike_letters(name: str) -> str:
    """The name with letter pairs that look like one letter as that letter, without hyphens."""
    return name.replace("rn", "m").replace("vv", "w").replace("cl", "d").replace("-", "").replace("l", "i")


def edit_distance(one: str, other: str, most: int) -> int:
    """Counts letters added, left out, changed or swapped with their neighbour; a result above `most` may be any larger number."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, counterpart in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != counterpart))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == counterpart:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]


@lru_cache(maxsize=4096)
def keys_of_known(domain: str) -> frozenset[str]:
    """The keys under which a known domain is found again by those that look like it: its name, and that name less one letter."""
    name = merge_look_alike_letters(look_alike_skeleton(display_host(registered_organisation(domain))).partition(".")[0])[:KEY_LIMIT]
    return frozenset({name, *shorter_names(name)}) if len(name) >= LONG_ENOUGH else frozenset({name} if len(name) >= TELLING else ())


@lru_cache(maxsize=4096)
def keys_of_stranger(domain: str) -> frozenset[str]:
    """The keys under which a domain may find known ones that it looks like: as `keys_of_known`, and the words in it."""
    plain = look_alike_skeleton(display_host(domain))
    words = {merge_look_alike_letters(word)[:KEY_LIMIT] for word in re.split(r"[.-]", plain) if len(word) >= TELLING}
    return keys_of_known(domain) | words


def shorter_names(name: str) -> Iterator[str]:
    """The name less one letter, for each letter: two names that are one letter apart, or have two swapped, share one."""
    return (name[:place] + name[place + 1 :] for place in range(len(name)))
