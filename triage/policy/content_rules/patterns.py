"""Patterns with `*` for any characters, matched from left to right without backtracking. Pure."""

from functools import lru_cache

ANY = "*"
MOST_STARS = 8
LONGEST = 255
KNOWN = 4096  # patterns that are remembered in parts


def is_pattern(text: str) -> bool:
    """Whether it stands for more than itself."""
    return ANY in text


def matches_pattern(pattern: str, text: str) -> bool:
    """Whether the whole text fits. The first place where a part fits is as good as every later one, so none is tried twice."""
    if not is_pattern(pattern):
        return pattern == text
    first, middle, last = split_pattern(pattern)
    if not (text.startswith(first) and text.endswith(last) and len(text) >= len(first) + len(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


@lru_cache(maxsize=KNOWN)
def split_pattern(pattern: str) -> tuple[str, tuple[str, ...], str]:
    """Splits a pattern into the prefix of a text, the parts that it contains in this order, and its suffix."""
    first, *middle, last = pattern.split(ANY)
    return first, tuple(filter(None, middle)), last


def longest_part(pattern: str) -> str:
    """The longest text that whatever fits contains."""
    return max(pattern.split(ANY), key=len)
