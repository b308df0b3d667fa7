"""ARC: ValiMail's validation suite, and the chains that its signing suite wants others to make."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import yaml

from mail_auth import arc, message
from mail_auth.dns.query_budget import Questions
from tests.mail_auth.answers import Answers
from tests.mail_auth.suites.counting import Case, Suite

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def validation(directory: Path) -> Iterator[Case]:
    """Messages and the chain status that a verifier must find."""
    for scenario in yaml.safe_load_all((directory / "arc/arc-draft-validation-tests.yml").read_bytes()):
        zone = {name.rstrip("."): value for name, value in (scenario["txt-records"] or {}).items() if value}
        for name, test in scenario["tests"].items():
            raw = (test["message"] or "").encode().replace(b"\n", b"\r\n")
            # the suite's empty cv= is a chain whose last seal says "fail"
            wanted = {"pass": "pass", "none": "none"}.get(str(test["cv"]).strip().lower(), "fail")
            found = arc.verify_chain(message.read_message(raw), Questions(Answers(zone)), NOW)
            yield Case(name, found.result == wanted, f"{found.result} ({found.reason}) instead of {wanted}: {test['description']}")


SUITES = (Suite("ARC, validation", 171, validation),)
