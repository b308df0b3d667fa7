"""Derives from a message record the columns, and the rows of links and files, that SQL asks beside the compressed value. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from triage.message.mime.links import link_destination
from triage.store.message_record.record_codec import MessageRecord

Row = dict[str, Any]
LONGEST = 255  # characters of a host: no name is longer, and an index of PostgreSQL takes no more than 2,700 bytes
CONTROLS = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # what PostgreSQL takes in no text, and UTF-8 has no bytes for


def spread_message(row: Row) -> Row:
    """The columns of a message whose record comes whole (`record`), or in its four parts."""
    record = row["record"] if "record" in row else MessageRecord(*(row[name] for name in MessageRecord.__slots__))
    kept = {name: row[name] for name in ("id", "spool_id", "content_id", "received_at", "text")}
    return kept | {"record": record} | columns_of(record)


def columns_of(record: MessageRecord) -> Row:
    """The columns beside the record itself."""
    dmarc, said = record.authentication.get("dmarc") or {}, record.summary
    columns = {
        "client": record.envelope.get("client", ""),
        "dmarc": dmarc.get("result", ""),
        "dmarc_policy": dmarc.get("policy", ""),
        "signal_names": quote_names(one["name"] for one in record.signals),
        "named_id": said.get("message_id", ""),
        "list_id": said.get("list_id", ""),
        "reply_to": "\n".join(said.get("reply_to", ())),
    }
    counts = {name: len(said.get(name, ())) for name in ("links", "attachments")}
    return {name: make_storable(text) for name, text in columns.items()} | counts


def make_storable(text: str) -> str:
    """The text without characters that no database takes."""
    return UNSTORABLE.sub("", text)


def quote_names(names: Iterable[str]) -> str:
    """Names of signals, each in the quotation marks by which a query finds it, here and in the JSON of old rows."""
    return " ".join(f'"{name}"' for name in sorted(set(names)))


def links_of(message: Row) -> Iterator[Row]:
    """A row for each host that the message links to, with all that its links to there show and open."""
    hosts: dict[str, dict[str, None]] = {}
    for link in message["record"].summary.get("links", ()):
        said = hosts.setdefault(reverse_domain(link_destination(link["target"]).host), {})
        said.update(dict.fromkeys(one for one in (link["text"], link["target"]) if one))
    for number, (domain, said) in enumerate(hosts.items()):
        yield {"message_id": message["id"], "number": number, "domain": domain, "said": make_storable("\n".join(said))}


def reverse_domain(host: str) -> str:
    """A host with its labels in reverse order, so that a domain and all below it stand together: www.a.example is example.a.www.

    Without controls, and cut to LONGEST characters: a sender may write anything for a host.
    """
    return ".".join(reversed(CONTROLS.sub("", host).split(".")))[:LONGEST]


def files_of(message: Row) -> Iterator[Row]:
    """A row for each attachment, with its digest and all of its names, those of files in an archive too."""
    for number, file in enumerate(message["record"].summary.get("attachments", ())):
        names = dict.fromkeys(one for one in (file["name"], *file.get("also", ()), *file.get("names", ())) if one)
        yield {"message_id": message["id"], "number": number, "sha256": file["sha256"], "names": make_storable("\n".join(names))}
