"""Code words for strangers: an employee hands one out, and a first message with it in its subject is an expected one. It proves nothing."""

import secrets
from datetime import datetime, timedelta

from sqlmodel import Session

from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.ids import format_id
from triage.quarantine.requests import announce_sender
from triage.say import format_day, say
from triage.store import ledger
from triage.store.models.employees import Expectation

NAMES = (
    "ACORN ALDER AMBER ANCHOR APPLE ASPEN BADGER BAMBOO BASIL BEACH BEACON BIRCH BISON BRICK BROOK CACTUS CANOE CARROT CEDAR "
    "CHERRY CLOVER COBALT COMET CORAL COTTON CRANE CRATER DAISY DELTA DINGO EAGLE EMBER FALCON FERN FINCH FJORD FOREST GARNET "
    "GINGER GLACIER GRANITE GROVE HARBOR HAZEL HERON HONEY INDIGO IRIS IVORY JADE JASPER JUNIPER KAYAK KIWI LAGOON LARCH "
    "LEMON LILAC LOTUS MAGNET MANGO MAPLE MARBLE MEADOW MELON MINT MOSS NUTMEG OCEAN OLIVE ONYX ORCHID OSPREY OTTER PANDA "
    "PAPAYA PEBBLE PEPPER PINE PLUM POPPY PRISM QUARTZ QUINCE RADISH RAVEN REEF RIVER ROBIN RUBY SAFFRON SALMON SEQUOIA "
    "SIERRA SPRUCE STORK SUMMIT THYME TIGER TOPAZ TULIP TUNDRA VALLEY VIOLET WALNUT WILLOW YARROW ZEBRA"
)
LONGEST_FOR = timedelta(days=90)
MOST_TRIES = 20


def issue_code_word(
    session: Session, for_whom: str, *, by: Actor, until: datetime | None = None, settings: Settings, now: datetime
) -> Expectation:
    """Makes a code word of an employee for somebody outside. BadInput for an end that is past or over 90 days away, or too many of them.

    `for_whom`: a note that staff see with the message. Without an end it is that of expected senders.
    """
    end = until or now + timedelta(days=settings.outbound.expect_days)
    if not now < end <= now + LONGEST_FOR:
        raise BadInput(say("choose an end within the next {days} days", days=LONGEST_FOR.days), field="until")
    note = " ".join(for_whom.split())[: announce_sender.LONGEST]
    if not note:
        raise BadInput(say("say for whom the code word is"), field="for_whom")
    word = new_word(session, by, now)
    made = announce_sender.enter_expectation(session, word, words=note, by=by, until=end, now=now, is_code=True)
    detail = {"until": format_day(end), "scope": f"person:{by.name}"}
    ledger.write_act(session, "hand-out-word", f"expectation:{format_id(made.id)}", by=by, now=now, detail=detail)
    return made


def new_word(session: Session, by: Actor, now: datetime) -> str:
    """A word that this employee has not handed out. Folded, as expectations hold it."""
    taken = {one.sender for one in announce_sender.of_person(session, by.name, now=now)}
    words = (f"{secrets.choice(NAMES.split())}-{secrets.randbelow(900) + 100}".casefold() for _ in range(MOST_TRIES))
    return next(word for word in words if word not in taken)
