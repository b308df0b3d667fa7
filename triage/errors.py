"""Named refusals of the house. They carry words, never protocol codes: each door codes them once."""


class Refused(Exception):
    """The house says no. The text is one sentence for a person and says what to do where something can be done."""


class BadInput(Refused):
    """What was asked is malformed: the text names the part and what was expected."""


class NotFound(Refused):
    """There is no such thing, or it is outside the asker's scope."""


class NotAllowed(Refused):
    """This actor may not do this."""


class ReasonNeeded(Refused):
    """This may be opened, and asks for a reason that goes on the record."""


class SecondKeyNeeded(Refused):
    """One person alone may not do this: it needs another one's key. `ids` and `fence`: the deliveries that were meant."""

    def __init__(self, needs: tuple[str, ...], ids: tuple[int, ...] = (), fence: str = "") -> None:
        super().__init__(f"this needs a second person's key ({', '.join(needs)}): ask for it in the console, the API or the shell")
        self.needs, self.ids, self.fence = needs, ids, fence


class NotAllowedNow(Refused):
    """The state table does not allow this event in the present state."""


class Overtaken(Refused):
    """Somebody else was faster; the text says who and what."""


class Stale(Refused):
    """The selection is no longer what the asker saw."""


class NotYet(Refused):
    """The answer would rest on what is not known yet: ask again later. The text says what is missing."""


class Unanswered(Refused):
    """Somebody whom we ask did not answer, or not completely. Nothing may be concluded; try again later."""
