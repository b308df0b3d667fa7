"""Tells letters by chance from a word or name: most pairs of letters in words of any language written in Latin letters are common ones."""

from functools import lru_cache

FEWEST = 5  # letters of which it can be told
COMMON = 0.5  # share of the pairs that are common in nearly every word, and in an eighth of what is drawn by chance
CACHE = 1 << 12  # names that are remembered
FOLLOWING = (  # a letter and those that often follow it: nine tenths of all pairs in words of messages
    "abcdgilmnprstuvy baeiloru caehiklortu daeiorsu eacdefgilmnprstvwx faefio gaehinrsu haeiot iabcdefglmnoprstv ke "
    "ladeilostuy maeimop nacdefginost ocdlmnoprstuvw paeiloprt qu racdegimnorsty sacehiopstu taehilorstuy uabceilmnprst "
    "vaei waeio ze"
)
PAIRS = frozenset(group[0] + letter for group in FOLLOWING.split() for letter in group[1:])


@lru_cache(maxsize=CACHE)
def is_random(name: str) -> bool:
    """Whether a name in small letters was drawn by chance. Short names and other scripts are never judged."""
    letters = "".join(filter(str.isalpha, name))
    if len(letters) < FEWEST or not letters.isascii():
        return False
    pairs = [letters[place : place + 2] for place in range(len(letters) - 1)]
    return sum(pair in PAIRS for pair in pairs) < COMMON * len(pairs)
