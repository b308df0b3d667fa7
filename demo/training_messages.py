"""Training messages for new staff, made from the demo's messages: the right answer to each, and the clues."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

from demo.correspondence import collect_drafts
from demo.sample_messages import SampleMessage, compose_message
from demo.senders import BY_DOMAIN
from triage.message.authentication import Authentication, Dmarc, Result, Spf, proof_sentence
from triage.message.summary import make_summary
from triage.quarantine.training_messages import RELEASE_IT, REMOVE_IT, TrainingMessage, training_message_fields

WAVE = 3  # copies of one wave that are in the deck
SEED = 11
LIES = {
    "phishing": (
        "The link shows an address of our own and leads somewhere else.",
        "It hurries: the password expires. Nobody here asks for passwords by mail.",
        "It calls itself our IT and comes from a domain that is not ours; that the domain proves itself says nothing about who owns it.",
    ),
    "ceo-fraud": (
        "The name is the chief executive's, the address is at a free-mail provider.",
        "Answers would go to a third address.",
        "It asks for haste and secrecy, and soon for money.",
    ),
    "customs": (
        "The name is a parcel service's, the domain is not: something was added to it.",
        "It wants a small fee by a link, at once.",
    ),
    "gift-cards": ("The name is that of somebody here, the address is outside.", "Gift cards, bought quietly: that is always a fraud."),
    "extortion": (
        "It threatens and wants money, and shows nothing that it says it has.",
        "Such mail goes to thousands; nobody need answer it.",
    ),
    "own-domain": ("It says it comes from ourselves, came from outside, and cannot prove it.",),
    "forged-supplier": (
        "It names a supplier that we know, and the check fails: it does not come from there.",
        "It brings new bank details.",
    ),
    "forged-craftsman": ("It names a craftsman who has written before, but this time nothing proves that it is from there.",),
    "look-alike": ("The domain has an l where our supplier's has an i.", "It wants payments to go to another account."),
    "dangerous-attachment": ("The attachment holds macros, which are programs.", "An invoice needs no program."),
}
TRUTHS = {
    "applicant": "An application: no link, no haste, at most a CV as PDF, and the sender proves where it comes from.",
    "new-supplier": "It speaks of what was agreed, wants no payment and hides no link; the company proves that it sent it.",
    "journalist": "A newspaper that proves itself, a question, a name and a telephone number.",
    "customer": "A concrete matter of somebody who proves where the mail comes from; nobody is to sign in, pay or hurry.",
    "neighbour": "An everyday matter of somebody who proves where the mail comes from; no password, no payment, no haste without a reason.",
    "parcel": "The parcel service itself: its own domain proves it, and it asks for nothing.",
    "sign-in-code": "A sign-in code that somebody here has just asked for: its sender proves itself. It is of no use tomorrow.",
    "alert": "An alert from a service that we use, from its own domain with proof.",
    "calendar": "An invitation with a name and an agenda, from a sender who proves who it is.",
    "polish": "A foreign language is no sign of fraud: a firm that proves itself asks for an offer.",
    "german": "An ordinary question from somebody who proves where it comes from.",
    "chinese": "A foreign language is no sign of fraud; it asks for nothing dangerous.",
    "several": "It is to several of us because all of them are meant, and says why.",
    "supplier": "A supplier that we know, on a matter that is under way, with proof.",
    "bank": "Our bank itself, with proof, and without any link to sign in.",
    "counsel": "Our lawyers, with proof, on a matter that is under way.",
}


@lru_cache(1)
def read_deck() -> tuple[TrainingMessage, ...]:
    """All training messages, the same ones each time."""
    now = datetime.now(UTC).replace(microsecond=0)
    return tuple(make_training_message(number, sample) for number, sample in enumerate(pick_samples(now), 1))


def pick_samples(now: datetime) -> Iterator[SampleMessage]:
    """The demo's samples that have a clear answer, few of the wave. A training message's number tells nothing."""
    rng = random.Random(SEED)
    waves = 0
    shuffled = list(collect_drafts(rng, now))
    rng.shuffle(shuffled)
    for draft in shuffled:
        waves += draft.kind == "phishing"
        if (draft.kind in LIES or draft.kind in TRUTHS) and not (draft.kind == "phishing" and waves > WAVE):
            yield compose_message(draft, rng, now)


def make_training_message(number: int, sample: SampleMessage) -> TrainingMessage:
    """Makes a training message and its known answer."""
    summary = make_summary(sample.raw)
    author = summary.author or next(iter(summary.authors), "")
    return TrainingMessage(
        case=f"made-{number}",
        recipient=sample.recipients[0],
        proof=proof_sentence(prove_author(author, sample)),
        raw=sample.raw,
        answer=REMOVE_IT if sample.kind in LIES else RELEASE_IT,
        clues=LIES.get(sample.kind) or (TRUTHS[sample.kind],),
        **training_message_fields(summary),
    )


def prove_author(author: str, sample: SampleMessage) -> Authentication:
    """Computes the results of SPF, DKIM and DMARC for a sample from the records in the demo's DNS."""
    domain = author.rpartition("@")[2]
    sender, carrier = BY_DOMAIN[domain], BY_DOMAIN[sample.domain]
    passed = (("spf",) if sample.domain == domain and sender.spf else ()) + (("dkim",) if sample.signer == domain else ())
    result = Result.PASS if passed else Result.FAIL
    spf = Spf(Result.PASS if carrier.spf else Result.FAIL, "mailfrom", sample.domain)
    return Authentication(author, (spf,), dmarc=Dmarc(result if sender.dmarc else Result.NONE, domain, domain, sender.dmarc, passed))
