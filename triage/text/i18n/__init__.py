"""The languages that Mailroom speaks, and which one a request asks for. `translate.py` shows sentences in them."""

from pathlib import Path

ENGLISH = "en"
LANGUAGES = (ENGLISH, *sorted(file.stem for file in Path(__file__).parent.glob("*.po")))


def choose_accepted(accepted: str) -> str:
    """The language of ours that is preferred by an Accept-Language (RFC 9110, 12.5.4): English unless another one is."""
    wanted = sorted(map(weigh_tag, accepted.split(",")), key=lambda one: -one[0])
    return next((code for weight, tag in wanted for code in LANGUAGES if weight > 0 and tag.split("-")[0] == code), ENGLISH)


def weigh_tag(part: str) -> tuple[float, str]:
    """A part of an Accept-Language: its weight, and the tag."""
    tag, _, weight = part.strip().casefold().partition(";")
    try:
        return float(weight.strip().removeprefix("q=") or 1), tag.strip()
    except ValueError:
        return 0, ""
