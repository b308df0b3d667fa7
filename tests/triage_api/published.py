"""Published API document (docs/openapi.json), and changes that would break its clients.

`python -m tests.triage_api.published` writes docs/openapi.json again, and refuses where that breaks what was promised before.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from triage.config.settings import Company, Database, Settings, Spool
from triage_api.app import make_app

PUBLISHED = Path(__file__).parents[2] / "docs" / "openapi.json"
MARKS = ("type", "format", "const", "pattern")  # a client relies on these

Document = dict[str, Any]


def breaking(old: Document, new: Document) -> list[str]:
    """Lists the changes that break clients of the old document, in words."""
    return sorted(set(Comparison(old, new).all()))


class Comparison:
    """Two documents side by side."""

    def __init__(self, old: Document, new: Document) -> None:
        self.old, self.new = old, new
        self.seen: set[tuple[str, str, bool]] = set()

    def all(self) -> Iterator[str]:
        """Lists changes that break clients of the old document."""
        for path, operations in self.old["paths"].items():
            for method, before in operations.items():
                label = f"{method.upper()} {path}"
                after = self.new["paths"].get(path, {}).get(method)
                if after is None:
                    yield f"{label} is gone"
                else:
                    yield from self.operation(label, before, after)

    def operation(self, label: str, before: Document, after: Document) -> Iterator[str]:
        """Parameters, body and answers of one operation."""
        were, are = ({(one["in"], one["name"]): one for one in side.get("parameters", ())} for side in (before, after))
        for place in were.keys() - are.keys():
            yield f"{label}: parameter {place[1]} is gone"
        for place, one in are.items():
            if one.get("required") and not were.get(place, {}).get("required"):
                yield f"{label}: parameter {place[1]} is required now"
            if place in were:
                yield from self.schema(f"{label}: {place[1]}", were[place]["schema"], one["schema"], sent=True)
        if after.get("requestBody", {}).get("required") and not before.get("requestBody", {}).get("required"):
            yield f"{label}: a body is required now"
        for media, schema in bodies(before.get("requestBody", {})):
            yield from self.media(label, media, schema, after.get("requestBody", {}), sent=True)
        for status, answer in before["responses"].items():
            if status not in after["responses"]:
                yield f"{label}: {status} is gone"
                continue
            for media, schema in bodies(answer):
                yield from self.media(f"{label} {status}", media, schema, after["responses"][status], sent=False)

    def media(self, label: str, media: str, schema: Document, after: Document, *, sent: bool) -> Iterator[str]:
        """Compares a kind of body."""
        there = dict(bodies(after))
        if media not in there:
            yield f"{label}: {media} is gone"
        else:
            yield from self.schema(label, schema, there[media], sent=sent)

    def schema(self, label: str, before: Document, after: Document, *, sent: bool) -> Iterator[str]:
        """Compares a value. `sent`: by clients; otherwise they receive it."""
        refs = before.get("$ref", ""), after.get("$ref", "")
        if all(refs):
            if (*refs, sent) in self.seen:
                return
            self.seen.add((*refs, sent))
        before, after = self.resolved(self.old, before), self.resolved(self.new, after)
        for mark in MARKS:
            if before.get(mark) != after.get(mark):
                yield f"{label}: {mark} was {before.get(mark)!r} and is {after.get(mark)!r}"
        narrower, wider = (before, after) if sent else (after, before)
        if "enum" in wider and not set(narrower.get("enum", ["anything"])) <= set(wider["enum"]):
            yield f"{label}: the values were {before.get('enum')} and are {after.get('enum')}"
        if "items" in before:
            yield from self.schema(f"{label}[]", before["items"], after.get("items", {}), sent=sent)
        yield from self.alternatives(label, before, after, sent=sent)
        for name, one in before.get("properties", {}).items():
            if name not in after.get("properties", {}):
                yield f"{label}: {name} is gone"
            else:
                yield from self.schema(f"{label}.{name}", one, after["properties"][name], sent=sent)
        first, second = (after, before) if sent else (before, after)
        for name in set(first.get("required", ())) - set(second.get("required", ())):
            yield f"{label}: {name} is {'required now' if sent else 'no longer always there'}"

    def alternatives(self, label: str, before: Document, after: Document, *, sent: bool) -> Iterator[str]:
        """Checks `anyOf`: each old alternative has to remain, and answers may not change their kind."""
        were, are = ([self.resolved(doc, one) for one in side.get("anyOf", ())] for doc, side in ((self.old, before), (self.new, after)))
        kinds = [one.get("type", one.get("title")) for one in were], [one.get("type", one.get("title")) for one in are]
        lost, new = set(kinds[0]) - set(kinds[1]), set(kinds[1]) - set(kinds[0])
        if (sent and lost) or (not sent and new):
            yield f"{label}: it was one of {kinds[0]} and is one of {kinds[1]}"

    def resolved(self, document: Document, schema: Document) -> Document:
        """A schema itself where it is named by reference."""
        while "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema


def bodies(holder: Document) -> list[tuple[str, Document]]:
    """The schemas of a body by media type."""
    return [(media, one["schema"]) for media, one in holder.get("content", {}).items() if "schema" in one]


def present() -> Document:
    """The document of this program."""
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(
            company=Company(domains=("company.example",), hostname="mx.company.example"),
            database=Database(url=f"sqlite:///{directory}/none.db"),
            spool=Spool(directory=Path(directory)),
        )
        app = make_app(settings)
        document: Document = json.loads(json.dumps(app.openapi()))
        app.state.office.close()
    return document


def main() -> int:
    """Write the document, unless it breaks what was promised."""
    new = present()
    if PUBLISHED.exists() and (broken := breaking(json.loads(PUBLISHED.read_text("utf-8")), new)):
        sys.stderr.write("\n".join(broken) + "\nthis breaks what clients rely on: keep it as it was, or begin /api/v2\n")
        return 1
    PUBLISHED.write_text(json.dumps(new, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
