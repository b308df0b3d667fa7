"""Named refusals of the house. They carry words, never protocol codes: each door codes them once."""

from typing import Any

from triage.say import join_parts, say


class Refused(Exception):
    """The house says no. The text is one sentence for a person and says what to do where something can be done.

    `field`: the part of a request that is wrong, such as "scope"; it stands before the sentence in the text.
    """

    def __init__(self, sentence: str = "", *, field: str = "") -> None:
        super().__init__(join_parts(": ", (field, sentence)) if field else sentence)
        self.sentence, self.field = sentence, field


class BadInput(Refused):
    """The request is malformed: the text names the part and what was expected."""


class FaultyLines(BadInput):
    """Some lines of a file are wrong (`faults`, each with `line` and `reason`), and so nothing was done; `more`: how many are not named."""

    def __init__(self, faults: tuple[Any, ...], more: int = 0, *, outcome: str = "") -> None:
        said = [say("line {line}: {reason}", line=one.line, reason=one.reason) for one in faults]
        said += [say("and {more} more", more=more)] if more else []
        super().__init__(join_parts("; ", [*said, outcome or say("no rule was created")]))
        self.faults = faults


class NotFound(Refused):
    """No such thing exists, or it is outside the asker's scope."""


class NotAllowed(Refused):
    """The actor may not do this."""


class FactorNeeded(Refused):
    """The act needs a second factor once more from whoever does it."""


class ReasonNeeded(Refused):
    """Opening needs a reason, which goes in the audit log."""


class ApprovalNeeded(Refused):
    """An act that needs approval by a second person. `ids` and `fence`: the deliveries that were selected."""

    def __init__(self, needs: tuple[str, ...], ids: tuple[int, ...] = (), fence: str = "") -> None:
        super().__init__(say("this needs approval ({needs}): request it in the console, the API or the shell", needs=", ".join(needs)))
        self.needs, self.ids, self.fence = needs, ids, fence


class SecondLookNeeded(Refused):
    """A release has to be confirmed first. `asked`: why (confirmations.Question); `fence`: of the messages; `rules`:
    those that would let them in (rule_confirmation.RuleToConfirm)."""

    def __init__(self, asked: tuple[Any, ...], fence: str, rules: tuple[Any, ...] = ()) -> None:
        self.asked, self.fence, self.rules = asked, fence, rules
        asks = say(
            "this needs a second look ({names}): review it, then confirm exactly these names with its fence", names=", ".join(self.names)
        )
        super().__init__(asks if asked else say("nothing here needs a second look: decide without a confirmation"))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the questions to confirm."""
        return tuple(one.name for one in self.asked)


class NotAllowedNow(Refused):
    """The state table does not allow this event in the present state."""


class Conflict(Refused):
    """Another person decided first; the text says who, and what they did."""


class NothingDone(Conflict):
    """Not one of the selected deliveries could be changed; says who was faster, and each item's outcome (outcomes.Item)."""

    def __init__(self, sentence: str, items: tuple[Any, ...]) -> None:
        super().__init__(sentence)
        self.items = items


class Erased(Refused):
    """The record is there, but the content's retention time is over."""


class Stale(Refused):
    """The selection is no longer what the asker saw."""


class NotYet(Refused):
    """The answer would rest on what is not known yet: ask again later. The text says what is missing."""


class Unanswered(Refused):
    """A server that we asked did not answer, or not completely. Draw no conclusion; try again later."""


class Unreadable(Refused):
    """A record or a file of this program is damaged or missing. The text says where a copy may be."""


class Untrusted(Exception):
    """A provider said what it must not say; the text says what, for the log and for administrators."""
