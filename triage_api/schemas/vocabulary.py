"""Values that several schemas share, each listed by name in the OpenAPI document."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema
from typing_extensions import TypeAliasType

from triage.message.signals.severity import Severity as Rank


def word_of(severity: Any) -> Any:
    """A severity of the core as the API writes it."""
    return severity.word if isinstance(severity, Rank) else severity


def renamed(words: Mapping[str, str]) -> Callable[[Any], Any]:
    """A validator that reads a stored word as the API writes it."""
    return lambda word: words.get(word, word) if isinstance(word, str) else word


def stored_word(words: Mapping[str, str], given: str) -> str:
    """The stored word of one that a client wrote."""
    return next((stored for stored, shown in words.items() if shown == given), given)


Severity = TypeAliasType("Severity", Annotated[Literal["none", "unclear", "suspicious", "dangerous"], BeforeValidator(word_of)])
LookName = TypeAliasType(
    "LookName",
    Literal[
        "danger-found",
        "own-domain-forged",
        "dmarc-fails",
        "new-bank-details",
        "no-longer-verified",
        "dangerous",
        "suspicious",
        "matches-many",
        "removes-wanted",
        "not-all-looked-at",
    ],
)
Effect = TypeAliasType("Effect", Literal["allow", "block", "redirect", "hold"])
RuleEffect = TypeAliasType("RuleEffect", Literal["allow", "block", "redirect", "hold", "purge", "mark"])
Match = TypeAliasType("Match", Literal["address", "domain", "subdomains", "list", "recipient"])
AskedMatch = TypeAliasType("AskedMatch", Literal["address", "domain", "subdomains", "list", "recipient", "content"])
RuleMatch = TypeAliasType("RuleMatch", Literal["address", "domain", "subdomains", "list", "recipient", "campaign", "content"])
ConditionName = TypeAliasType(
    "ConditionName",
    Literal[
        "attachment_hash",
        "link_domain",
        "reply_to",
        "author",
        "list",
        "attachment_name",
        "wording",
        "signal",
        "attachment_kind",
        "language",
        "direction",
    ],
)
BlockKind = TypeAliasType("BlockKind", Literal["campaign", "domain", "address"])
CheckName = TypeAliasType("CheckName", Literal["bank-details", "password-form", "link-text", "attachment", "disguised", "account"])
CheckMode = TypeAliasType("CheckMode", Literal["off", "trial", "holds", "fuse"])
ProofState = TypeAliasType("ProofState", Literal["new", "renewed", "refused"])
SendingProof = TypeAliasType("SendingProof", Literal["dkim", "spf", "forwarded", "elsewhere", "none"])
BrakeState = TypeAliasType("BrakeState", Literal["open", "reported", "released", "removed"])
ClashKind = TypeAliasType("ClashKind", Literal["shadowed", "exception", "same"])
DecisionVerb = TypeAliasType(
    "DecisionVerb",
    Literal[
        "release",
        "redirect",
        "purge",
        "reject",
        "restore",
        "hold",
        "redeliver",
        "deliver",
        "sweep",
        "take",
        "hunt",
        "join",
        "split",
        "escalate",
        "undo",
    ],
)
FolderAccess = TypeAliasType("FolderAccess", Literal["content", "count"])
ReaderKind = TypeAliasType("ReaderKind", Literal["person", "token", "account"])
AddressChangeState = TypeAliasType("AddressChangeState", Literal["waiting", "approved", "declined"])
TRAINING_ANSWERS = {"let-in": "release", "keep-out": "remove"}  # as they are stored, and as the API writes them
TrainingAnswer = TypeAliasType("TrainingAnswer", Annotated[Literal["release", "remove"], BeforeValidator(renamed(TRAINING_ANSWERS))])
CONTACT_STATES = {"parked": "pending", "dropped": "removed"}  # likewise
ContactState = TypeAliasType("ContactState", Annotated[Literal["known", "pending", "removed"], BeforeValidator(renamed(CONTACT_STATES))])
ApprovalState = TypeAliasType(
    "ApprovalState",
    Annotated[Literal["waiting", "confirmed", "declined", "withdrawn", "expired"], BeforeValidator(renamed({"lapsed": "expired"}))],
)
RecipientKind = TypeAliasType(
    "RecipientKind", Annotated[Literal["person", "department", "list"], BeforeValidator(renamed({"group": "list"}))]
)
ReportCell = Annotated[Any, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]})]
