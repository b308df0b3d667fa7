"""Values that several schemas share, each listed by name in the OpenAPI document."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema
from typing_extensions import TypeAliasType

from triage.message.signals.severity import Severity as Rank


def word_of(severity: Any) -> Any:
    """A severity of the core as the API writes it."""
    return severity.word if isinstance(severity, Rank) else severity


Severity = TypeAliasType("Severity", Annotated[Literal["none", "unclear", "suspicious", "dangerous"], BeforeValidator(word_of)])
LookName = TypeAliasType(
    "LookName",
    Literal["danger-found", "own-domain-forged", "dmarc-fails", "new-bank-details", "no-longer-verified", "dangerous", "suspicious"],
)
Effect = TypeAliasType("Effect", Literal["allow", "block", "redirect", "hold"])
Match = TypeAliasType("Match", Literal["address", "domain", "subdomains", "list", "recipient"])
RuleMatch = TypeAliasType("RuleMatch", Literal["address", "domain", "subdomains", "list", "recipient", "campaign"])
BlockKind = TypeAliasType("BlockKind", Literal["campaign", "domain", "address"])
CheckName = TypeAliasType("CheckName", Literal["bank-details", "password-form", "link-text", "attachment", "disguised", "account"])
CheckMode = TypeAliasType("CheckMode", Literal["off", "trial", "holds", "fuse"])
ClashKind = TypeAliasType("ClashKind", Literal["shadowed", "exception", "same"])
DecisionVerb = TypeAliasType(
    "DecisionVerb",
    Literal["release", "redirect", "purge", "reject", "restore", "hold", "redeliver", "sweep", "take", "join", "split", "escalate", "undo"],
)
FolderAccess = TypeAliasType("FolderAccess", Literal["content", "count"])
ReaderKind = TypeAliasType("ReaderKind", Literal["person", "token", "account"])
AddressChangeState = TypeAliasType("AddressChangeState", Literal["waiting", "approved", "declined"])
TrainingAnswer = TypeAliasType("TrainingAnswer", Literal["let-in", "keep-out"])
ReportCell = Annotated[Any, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]})]
