"""The IMAP client: names with an opening bracket too, which RFC 9051 allows and the library's lexer does not, and what folders are for."""

import re
from typing import Any

from imapclient import IMAPClient  # type: ignore[import-untyped]

FLAGS = re.compile(rb"\bFLAGS \([^()]*\[[^()]*\)")
FOLDER = re.compile(rb'(?<= )[^"\s]*\[[^"\s]*$')
ATOM = re.compile(rb"[^\s()]*\[[^\s()]*")


class Client(IMAPClient):  # type: ignore[misc]
    """As IMAPClient."""

    def listed(self) -> list[tuple[tuple[bytes, ...], bytes | None, str]]:
        """LIST: attributes, delimiter and name of every folder, with its use where the server tells it only when asked (RFC 6154, 2)."""
        words = '"*" RETURN (SPECIAL-USE)' if self.has_capability("SPECIAL-USE") and self.has_capability("LIST-EXTENDED") else '"*"'
        _, answers = self._imap.list('""', words)
        found: list[tuple[tuple[bytes, ...], bytes | None, str]] = self._proc_folder_list(answers)
        return found

    def _create_IMAP4(self) -> Any:
        """The connection, whose answers come with such names in quotes."""
        connection = super()._create_IMAP4()
        take = connection._untagged_response

        def quoted(kind: str, data: list[Any], name: str) -> tuple[str, list[Any]]:
            kind, answers = take(kind, data, name)
            return kind, [in_quotes(name, one) for one in answers]

        connection._untagged_response = quoted
        return connection


def in_quotes(name: str, answer: Any) -> Any:
    """One answer, or its part before a literal."""
    if isinstance(answer, tuple):
        return (in_quotes(name, answer[0]), *answer[1:])
    if not isinstance(answer, bytes) or b"[" not in answer:
        return answer
    if name == "LIST":
        return FOLDER.sub(rb'"\g<0>"', answer)
    return FLAGS.sub(lambda found: ATOM.sub(rb'"\g<0>"', found[0]), answer) if name == "FETCH" else answer
