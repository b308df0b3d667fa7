"""The console's TypeScript types of the API, made of its schemas: `python -m tests.triage_api.typescript`."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.triage_api.published import PUBLISHED, Document, present

TYPES = PUBLISHED.parents[1] / "webui" / "src" / "lib" / "schema" / "types.ts"
HEAD = """\
// What the API says and hears: a type for each schema of the API. `make reference` writes this file, nobody edits it.
"""
SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
REF = "#/components/schemas/"
UNUSED = {"HTTPValidationError", "ValidationError"}  # FastAPI's own, which ours replace


def write_types(document: Document) -> str:
    """Returns the file: each schema by name, with lists that only requests have marked `readonly`."""
    heard = find_answered(document)
    named = sorted((name, one) for name, one in document["components"]["schemas"].items() if name not in UNUSED)
    return HEAD + "".join(f"\n{write_schema(name, one, '' if name in heard else 'readonly ')}\n" for name, one in named)


def find_answered(document: Document) -> set[str]:
    """Returns the names of all schemas that answers consist of."""
    waiting: list[Any] = [one["responses"] for path in document["paths"].values() for one in path.values()]
    found: set[str] = set()
    while waiting:
        new = set(list_references(waiting.pop())) - found
        found |= new
        waiting += [document["components"]["schemas"][name] for name in new]
    return found


def list_references(part: Any) -> list[str]:
    """Returns the names that a part of the document refers to."""
    return re.findall(rf'"\$ref": "{REF}(\w+)"', json.dumps(part))


def write_schema(name: str, schema: Document, lists: str) -> str:
    """Returns one exported type, with what the API says of it."""
    told = f"/** {' '.join(schema['description'].split())} */\n" if "description" in schema else ""
    if schema.get("type") != "object" or "properties" not in schema:
        return f"{told}export type {name} = {write_type(schema, lists)}"
    fields = "".join(f"{note_field(one)}  {field}\n" for one, field in list_fields(schema, lists))
    return f"{told}export interface {name} {{\n{fields}}}"


def list_fields(schema: Document, lists: str) -> Iterator[tuple[Document, str]]:
    """Yields each field of an object, and its line."""
    required = schema.get("required", ())
    for name, one in schema["properties"].items():
        yield one, f"{name}{'' if name in required else '?'}: {write_type(one, lists)}"


def note_field(schema: Document) -> str:
    """Returns the line above a field that is described."""
    return f"  /** {' '.join(schema['description'].split())} */\n" if "description" in schema else ""


def write_type(schema: Document, lists: str) -> str:
    """Returns a type as TypeScript writes it; what this does not know ends the run."""
    match schema:
        case {"$ref": str(name)}:
            return name.removeprefix(REF)
        case {"anyOf": list(several)} | {"oneOf": list(several)}:
            return " | ".join(dict.fromkeys(write_type(one, lists) for one in several))
        case {"allOf": [one]}:
            return write_type(one, lists)
        case {"const": value}:
            return quote(value)
        case {"enum": list(values)}:
            return " | ".join(quote(value) for value in values)
        case {"type": "array", "prefixItems": list(items)}:
            return f"{lists}[{', '.join(write_type(one, lists) for one in items)}]"
        case {"type": "array", "items": dict(item)}:
            inner = write_type(item, lists)
            return f"{lists}({inner})[]" if " | " in inner or inner.startswith("readonly ") else f"{lists}{inner}[]"
        case {"type": "object"}:
            return write_object(schema, lists)
        case {"type": str(kind)}:
            return SIMPLE[kind]
    return "unknown"


def write_object(schema: Document, lists: str) -> str:
    """Returns the type of an object without a name of its own."""
    if "properties" in schema:
        return f"{{ {'; '.join(field for _, field in list_fields(schema, lists))} }}"
    values = next(iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties"))
    value = write_type(values, lists) if isinstance(values, dict) else "unknown"
    keys = schema.get("propertyNames", {})
    return f"Partial<Record<{write_type(keys, lists)}, {value}>>" if {"$ref", "enum"} & {*keys} else f"Record<string, {value}>"


def quote(value: Any) -> str:
    """Returns a value as a literal type."""
    return f"'{value}'" if isinstance(value, str) else json.dumps(value)


if __name__ == "__main__":
    TYPES.write_text(write_types(present()), "utf-8")
