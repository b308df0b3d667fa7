"""A resolver that answers from what a test writes down: names, records, and names about which DNS does not answer."""

from collections.abc import Callable, Mapping

from mail_auth.dns.query_budget import Record, Temporary

SILENT = "SILENT"  # in place of the records: SERVFAIL or a timeout


class Answers:
    """`zone` maps "name type" (or just "name" for TXT) to one record, several, or SILENT."""

    timeout = 20.0

    def __init__(self, zone: Mapping[str, Record | list[Record]] | None = None) -> None:
        self.zone = {key.lower() if " " in key else f"{key.lower()} txt": value for key, value in (zone or {}).items()}
        self.asked: list[str] = []

    def query(self, name: str, rdtype: str, deadline: float) -> tuple[Record, ...]:
        """See mail_auth.dns.query_budget.Resolver."""
        key = f"{name} {rdtype}".lower()
        self.asked.append(key)
        found = self.zone.get(key, [])
        if found == SILENT:
            raise Temporary(f"{name} is silent")
        records = found if isinstance(found, list) else [found]
        if rdtype == "TXT":
            return tuple(record.encode() if isinstance(record, str) else record for record in records)
        return tuple(records)


class Function:
    """A resolver made of one function of name and type."""

    timeout = 20.0

    def __init__(self, answer: Callable[[str, str], tuple[Record, ...]]) -> None:
        self.answer = answer

    def query(self, name: str, rdtype: str, deadline: float) -> tuple[Record, ...]:
        """See mail_auth.dns.query_budget.Resolver."""
        return self.answer(name, rdtype)
