"""Signals of links and page parts: where they lead, and what about them could deceive."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from triage.message.mime import links
from triage.message.mime.links import WEB, display_host, is_related_host, link_destination, registered_organisation
from triage.message.signals.signal_context import Seen, Signal
from triage.message.summary import Summary
from triage.say import join_parts, say, say_count

LOOKED_AT = 100  # links: more of them say nothing new
FEW_WORDS = 25  # of text: no more, and the picture is the message
NAMED = 3  # hosts that a sentence names
WEIGHT = {
    "link-differs": 35,
    "link-hides-host": 35,
    "link-to-number": 30,
    "link-data": 35,
    "link-foreign-letters": 20,
    "link-odd": 25,
}


def host_names(text: str) -> frozenset[str]:
    """A set of host names, written as one text."""
    return frozenset(text.split())


SHORTENERS = host_names(
    "0rz.tw adf.ly bc.vc bit.do bit.ly bitly.com bl.ink buff.ly clck.ru cutt.ly cutt.us db.tt dlvr.it fb.me ff.im goo.gl goo.su"
    " grabify.link is.gd j.mp kutt.it l.ead.me lc.chat linktr.ee lnkd.in lnkiy.in migre.me n9.cl ow.ly po.st qr.ae qr.net qrco.de rb.gy"
    " rebrand.ly s.id s2r.co shorte.st shorturl.at shorturl.gg soo.gd su.pr surl.li t.co t.ly t2m.io tiny.cc tiny.one tinyurl.com tny.im"
    " tr.im trib.al u.to urlz.fr v.gd vk.cc vu.fr wp.me x.co zpr.io"
)
CARRIES_URL = re.compile(r"[?&=/;]\s*(?:https?(?::|%3a)(?:/|%2f){1,2}|www(?:\.|%2e))([^&?/%\s#]{3,253})", re.IGNORECASE)
PAGE_PARTS = {
    "password": ("page-password", say("Asks for a password in the message itself."), 40),
    "form": ("page-form", say("Contains a form that sends what is typed to a server."), 25),
    "script": ("page-script", say("Contains a script, which no honest message needs."), 20),
    "attached password": ("attached-password", say("An attached page asks for a password."), 45),
    "attached form": ("attached-form", say("An attached page contains a form that sends what is typed to a server."), 25),
    "attached script": ("attached-script", say("An attached page contains a script."), 25),
}


def find_deceiving_links(seen: Seen) -> Iterable[Signal]:
    """Links that open something else than they show, or hide what they open. One signal for each kind."""
    kinds: dict[str, dict[str, str]] = {}
    for link in seen.summary.links:
        for deception in links.link_deceptions(link.text, link.target):
            kinds.setdefault(deception.kind, {}).setdefault(deception.sentence, link.target)
    for kind, found in kinds.items():
        more = len(found) - 1
        others = say_count("{count} more link is like it.", "{count} more links are like it.", count=more) if more else ""
        sentence = join_parts(" ", [say("A link: {what}", what=next(iter(found))), others])
        yield Signal(kind, sentence, WEIGHT[kind], tuple(found.values())[:NAMED])


def find_shortened_links(seen: Seen) -> Iterable[Signal]:
    """A shortener hides where it leads."""
    hosts = tuple(dict.fromkeys(to.host for to in seen.destinations if to.host.removeprefix("www.") in SHORTENERS))
    if hosts:
        yield Signal("link-shortened", say("A link uses the shortener {hosts}, which hides its target.", hosts=hosts[0]), 15, hosts[:NAMED])


def find_redirecting_links(seen: Seen) -> Iterable[Signal]:
    """A link that carries another address within it goes by way of somebody who counts the click, or is made to hide."""
    for link, to in zip(seen.summary.links[:LOOKED_AT], seen.destinations, strict=False):
        carried = CARRIES_URL.search(link.target, 8) if to.scheme in WEB else None
        host = links.host_name(unquote(carried[1])) if carried else ""
        if "." in host and not is_related_host(host, to.host):
            sentence = say("A link redirects through {host} to {target}.", host=display_host(to.host), target=display_host(host))
            yield Signal("link-redirects", sentence, 10, (link.target,))
            return


def find_foreign_links(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when none of the links leads to the apparent sender."""
    author, list_id = seen.author_domain, seen.summary.list_id
    hosts = tuple(dict.fromkeys(to.host for to in seen.destinations[:LOOKED_AT] if to.host and to.scheme in WEB))
    if not author or not hosts or any(is_related_host(host, author) or (list_id and is_related_host(host, list_id)) for host in hosts):
        return
    others = tuple(dict.fromkeys(display_host(registered_organisation(host)) for host in hosts))
    named = join_parts(", ", others[:NAMED])
    if len(others) > NAMED:
        named = say_count("{names} and {count} other", "{names} and {count} others", count=len(others) - NAMED, names=named)
    yield Signal("links-elsewhere", say("No link leads to {author}, only to {hosts}.", hosts=named, author=author), 5, others[:NAMED])


def find_codes(seen: Seen) -> Iterable[Signal]:
    """A QR code opens a web page on a phone, where nobody sees the address; where the message is little else, the more so of a stranger."""
    summary = seen.summary
    if not summary.codes:
        return
    first, *_ = summary.codes
    host = display_host(link_destination(first.target).host)
    said = say("A QR code in {place} opens {host}.", place=first.place, host=host)
    evidence = tuple(code.target for code in summary.codes)[:NAMED]
    if is_all_code(summary) and not seen.met.wrote:
        said = join_parts(" ", [said, say("The message says little else, and it is the sender's first.")])
        yield Signal("code-only", said, 30, evidence)
    else:
        yield Signal("code-link", said, 5, evidence)


def is_all_code(summary: Summary) -> bool:
    """Whether there is hardly a word beside the codes, and no link but theirs."""
    coded = {code.target for code in summary.codes}
    web = {link.target for link in summary.links if link_destination(link.target).scheme in WEB}
    return len(summary.text.split()) <= FEW_WORDS and web <= coded


def page_parts(seen: Seen) -> Iterable[Signal]:
    """Forms, fields for passwords and scripts, in the message or in a page attached to it. A field for a password speaks for its form."""
    parts = set(seen.summary.page_parts)
    parts -= {part.replace("password", "form") for part in parts if part.endswith("password")}
    for part, (name, sentence, weight) in PAGE_PARTS.items():
        if part in parts:
            yield Signal(name, sentence, weight)
