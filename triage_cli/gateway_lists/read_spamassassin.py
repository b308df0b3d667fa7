"""Reads welcomelist and blocklist lines of SpamAssassin (local.cf, user_prefs; Mail::SpamAssassin::Conf)."""

from collections.abc import Iterator

from triage_cli.gateway_lists.entries import Entry, read_entry

PROOF = {  # what takes the place of SpamAssassin's own condition; "": DMARC
    "from": "",
    "from_rcvd": "",
    "from_spf": "aligned",
    "auth": "aligned",
}
ALLOWS = tuple(f"{kind}_" for kind in ("welcomelist", "whitelist", "def_welcomelist", "def_whitelist"))
BLOCKS = ("blocklist_", "blacklist_")
RECIPIENTS = ("more_spam_to", "all_spam_to")
UNDO_PREFIX = "un"


def read_spamassassin(text: str) -> Iterator[Entry]:
    """The entries. Settings that are no list of senders are passed over."""
    depth, lines = 0, []
    for number, line in enumerate(text.splitlines(), 1):
        name, *words = line.partition("#")[0].split() or [""]
        depth += name.lower() in ("if", "ifplugin")
        depth -= name.lower() == "endif"
        lines.append((number, name.lower(), words, depth > 0))
    gone = {(name.removeprefix(UNDO_PREFIX), word.lower()) for _, name, words, _ in lines if name.startswith(UNDO_PREFIX) for word in words}
    for number, name, words, is_conditional in lines:
        yield from read_line(f"line {number}", name, words, gone, is_conditional=is_conditional)


def read_line(place: str, name: str, words: list[str], gone: set[tuple[str, str]], *, is_conditional: bool) -> Iterator[Entry]:
    """The entries of one line. `gone`: what an un… line takes back."""
    effect, kind = effect_and_kind(name)
    if not effect:
        return
    if is_conditional or (kind != "from_dkim" and kind not in PROOF):
        why = "stands inside an if, so it may not be in force" if is_conditional else f"{name} is about no sender"
        yield Entry(place, " ".join((name, *words)), why=why)
        return
    senders = words[:1] if kind in ("from_rcvd", "from_dkim") else words
    for word in senders:
        if (name, word.lower()) not in gone:
            yield read_entry(place, word, effect, proof=proof_of(kind, words), note=f"{name} of SpamAssassin", bare=False)


def effect_and_kind(name: str) -> tuple[str, str]:
    """Returns what a setting does, and of what it lists; "" where it is no list."""
    for effect, prefixes in (("allow", ALLOWS), ("block", BLOCKS)):
        for prefix in prefixes:
            if name.startswith(prefix):
                return effect, name.removeprefix(prefix)
    return ("allow", name) if name in RECIPIENTS else ("", "")


def proof_of(kind: str, words: list[str]) -> str:
    """Returns the proof that replaces SpamAssassin's condition on the sender."""
    if kind != "from_dkim":
        return PROOF[kind]
    signer = words[1] if len(words) > 1 else words[0].rpartition("@")[2]
    return f"dkim:{signer.lower()}"
