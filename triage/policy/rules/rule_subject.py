"""Subject of a rule as text: ADDRESS, DOMAIN, .DOMAIN, list:LIST-ID, recipient:ADDRESS, content:NAME."""

BEFORE = {"list": "list:", "subdomains": ".", "campaign": "campaign:", "recipient": "recipient:", "content": "content:"}


def match_of(word: str) -> tuple[str, str]:
    """Parses the kind of a rule and its value: "@" means an address, a prefix a list, a recipient or a content rule; else a domain."""
    for match in ("list", "recipient", "content"):
        if word.startswith(f"{match}:"):
            return match, word.removeprefix(f"{match}:")
    return ("address", word) if "@" in word.lstrip("@") else ("domain", word)


def word_of(match: str, value: str) -> str:
    """The word that `match_of` reads."""
    return BEFORE.get(match, "") + value
