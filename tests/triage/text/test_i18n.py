"""What Mailroom says in other languages: every sentence of the code is known to each, with the same values in it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from triage.text.i18n import ENGLISH, GAP, JOINS, LANGUAGES, LONGEST, asked, catalogue, said

ROOT = Path(__file__).parents[3]
OTHERS = [code for code in LANGUAGES if code != ENGLISH]
REFUSALS = {
    "BadInput",
    "Erased",
    "NotAllowed",
    "NotAllowedNow",
    "NotFound",
    "NotSignedIn",
    "NotYet",
    "Overtaken",
    "ReasonNeeded",
    "Stale",
    "Unanswered",
}
# What these refuse is told to whoever runs the machine, in a terminal.
FOR_TERMINALS = {
    "backfill", "backup_manifest", "checkpoints", "checksummed_files", "database_dump", "db", "import_mail", "internal_mail",
    "known_addresses", "leavers", "metrics", "proven_identity", "routes", "secret_files", "settings", "settings_loader", "spool_backup",
    "spool_stats", "verify_chain", "wakeup", "webhooks",
}  # fmt: skip
FOR_STARTING = {"app", "networks", "dependencies"}  # of the API: they refuse to start
NO_SIGNALS = {"priority", "scan_results", "second_look", "severity"}  # in their folder
SIGNALS = {file.stem for file in (ROOT / "triage" / "message" / "signals").glob("*.py")} - NO_SIGNALS
SPEAKING = (
    "access/dual_control", "delivery/bounces", "delivery/groups", "delivery/outbound_notices", "delivery/queue", "delivery/queue_admin",
    "delivery/recall/recall_jobs", "delivery/recall/reconcile", "delivery/recalled_copies", "delivery/rejections",
    "directory/closed_departments", "directory/enforcement_mode", "directory/leavers", "directory/reassigned_addresses",
    "directory/recipients", "directory/sync_plan", "directory/undeliverable", "intake/explain_verdict", "message/authentication",
    "message/mime/links", "message/signals/priority", "message/signals/second_look", "message/summary", "notifications/alerts",
    "notifications/digests", "notifications/staff_mail", "policy/backscatter", "policy/contacts/contact_evidence",
    "policy/contacts/store", "policy/decide", "policy/emergency", "policy/rules/provider_warning", "policy/rules/redirects",
    "policy/rules/rule_conflicts", "policy/rules/rule_warnings", "policy/runner_up", "policy/suggestions/rule_suggestions",
    "policy/suggestions/threshold", "quarantine/assignment", "quarantine/decisions/approvals", "quarantine/decisions/carry_out",
    "quarantine/decisions/keepers", "quarantine/decisions/mailbox_sweep",
    "quarantine/decisions/outcome_text", "quarantine/decisions/regroup", "quarantine/decisions/related_mail",
    "quarantine/decisions/take_back", "quarantine/delivery_history", "quarantine/removal/delivered_lately",
    "quarantine/removal/large_removals", "quarantine/removal/late_copies", "quarantine/requests/announce_sender",
    "quarantine/requests/expected_senders", "quarantine/requests/open_requests", "quarantine/requests/own_mail",
    "quarantine/requests/suspicion_reports", "quarantine/rules/rule_trial", "quarantine/rules/rules_with_decision",
    "quarantine/training", "reports/mail_metrics", "reports/mail_report", "reports/staff_report", "text/numbers",
    *(f"message/signals/{stem}" for stem in SIGNALS),
)  # fmt: skip


def pieces(node: ast.expr) -> list[str]:
    """The words of a text between its values; none where it is no text."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return [piece for text in texts for piece in re.split(r"\{\w+\}", text) if piece]


def refused(file: Path) -> Iterator[list[str]]:
    """What a module says no with, or what is wrong with a value that the API was given."""
    named = REFUSALS | {"ValueError"} if file.stem in ("actor", "envelope", "ids") or "schemas" in file.parts else REFUSALS
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        call = node.exc if isinstance(node, ast.Raise) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in named and call.args:
            yield pieces(call.args[0])


def spoken(module: str) -> Iterator[list[str]]:
    """Every text of a module that has words with spaces between them, but for its docstrings."""
    tree = ast.parse((ROOT / "triage" / f"{module}.py").read_text("utf-8"))
    no_words = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    no_words |= {id(part) for one in ast.walk(tree) if isinstance(one, ast.JoinedStr) for part in ast.walk(one) if part is not one}
    for node in ast.walk(tree):
        if id(node) not in no_words and isinstance(node, ast.Constant | ast.JoinedStr):
            texts = pieces(node)
            if (
                texts
                and not re.search(r"\\|\(\?", texts[0])
                and (texts[0][0] in " :" or texts[0][0].isupper() or module.rpartition("/")[2] not in SIGNALS)
            ):
                yield texts


def known(words: list[str], language: str) -> bool:
    """Do these words stand in one sentence of the language's catalogue?"""
    words = [re.sub(r"^(?:[A-Za-z][\w-]*(?:, )?)+: ", "", one) if number == 0 else one for number, one in enumerate(words)]
    words = [one.strip(" .;:,\n") for one in words]
    return any(all(one in english for one in words) for part in catalogue(language).values() for english in part)


def unknown(texts: Iterator[list[str]], language: str) -> list[list[str]]:
    """The sentences that the language lacks."""
    return [words for words in texts if any(re.search(r"[a-z] [a-z]", one) for one in words) and not known(words, language)]


@pytest.mark.parametrize("language", OTHERS)
def test_every_refusal_is_known(language: str) -> None:
    files = [
        file for room in ("triage", "triage_api") for file in (ROOT / room).rglob("*.py") if file.stem not in FOR_TERMINALS | FOR_STARTING
    ]
    assert {file.name: left for file in files if (left := unknown(refused(file), language))} == {}


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_known(language: str) -> None:
    assert {module: left for module in SPEAKING if (left := unknown(spoken(module), language))} == {}


@pytest.mark.parametrize("language", OTHERS)
def test_values_and_forms_agree(language: str) -> None:
    wrong = []
    for english, here in (line for name, part in catalogue(language).items() if name != JOINS for line in part.items()):
        gaps = {str(number) for number in range(1, 1 + len(GAP.findall(english)))} | set(re.findall(r"\{(\w+)\}", english))
        forms = here.split("|")
        if not here or any(set(re.findall(r"\{(\w*)\}", form)) != gaps for form in forms) or len(forms) not in (1, 2):
            wrong.append((english, here))
    assert wrong == []


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("Released by Maria K. 4 seconds ago.", "Maria K. hat sie vor 4 Sekunden freigegeben."),
        (
            "pond.example proves that it sent this: DMARC passes by SPF and DKIM.",
            "pond.example hat sie nachweislich geschickt: DMARC besteht durch SPF und DKIM.",
        ),
        (
            "Purged, and its sender blocked, by Maria K. 4 seconds ago.",
            "Maria K. hat sie vor 4 Sekunden entfernt und den Absender gesperrt.",
        ),
        ("Released by Maria K. 1 hour ago.", "Maria K. hat sie vor 1 Stunde freigegeben."),
        ("Released 1 mail.", "1 Mail freigegeben."),
        (
            "Released “Held; Undone.” to ann@corp.example; 1,234 in flight; dell.com allowed for the department it.",
            "„Held; Undone.“ freigegeben an ann@corp.example; 1.234 unterwegs; dell.com zugelassen für die Abteilung it.",
        ),
        ("Purged 3 mails; 1 being taken out of mailboxes.", "3 Mails entfernt; 1 wird aus Postfächern genommen."),
        (
            "Taken out of the mailbox a@b. It lay in INBOX, read and answered; in Archive, unread.",
            "Aus dem Postfach a@b genommen. Sie lag in INBOX, gelesen und beantwortet; in Archive, ungelesen.",
        ),
        ("Ana: redirect to bob@corp.example: held back too long", "Ana: Umleitung an bob@corp.example: held back too long"),
        (
            "Ana asks for a second key: purge 3 mails and block the domain. Two are needed because it reaches into many mailboxes.",
            "Ana bittet um einen zweiten Schlüssel: 3 Mails entfernen und die Domain sperren. "
            "Zwei braucht es, denn es greift in viele Postfächer.",
        ),
        (
            "14 people, 212 mails in 90 days, 200 of them DMARC pass (3 more without proof stay out): allow dell.com for the company?",
            "14 Personen, 212 Mails in 90 Tagen, bei 200 davon besteht DMARC (3 weitere ohne Nachweis bleiben draußen): "
            "dell.com für die Firma zulassen?",
        ),
        (
            "Arrived for joe@corp.example: nobody here knows a@b.example yet. It goes to mara@corp.example: Ana made a rule for such mail. "
            "It was addressed to the old department it: Joe Fern works elsewhere now.",
            "Angekommen für joe@corp.example: a@b.example kennt hier noch niemand. Sie geht an mara@corp.example: Ana hat dafür eine Regel "
            "gemacht. Sie war an die frühere Abteilung it gerichtet: Joe Fern arbeitet jetzt anderswo.",
        ),
        ("Bea blocked x.example on 24 Nov 2026", "Bea hat x.example am 24. Nov. 2026 gesperrt"),
        (
            "At full hours 2.5 waited on average, and at most 1,200: on Monday, 24 Nov, 09:00.",
            "Zu vollen Stunden warteten im Mittel 2,5 und höchstens 1.200: am Montag, 24. Nov., 09:00.",
        ),
        (
            "it refuses STARTTLS: 454 4.7.0 TLS not available, and messages go there over verified TLS only",
            "er lehnt STARTTLS ab: 454 4.7.0 TLS not available, und Nachrichten gehen nur über geprüftes TLS dorthin",
        ),
        (
            "Tried again later: what we sign in to the mailboxes with cannot be read: whoever runs Mailroom can put it right",
            "Später noch einmal: Womit wir uns an den Postfächern anmelden, lässt sich nicht lesen: "
            "Wer Mailroom betreibt, kann das richten",
        ),
        ("nobody knows this sentence of 2026.", "nobody knows this sentence of 2026."),
        ("", ""),
    ],
)
def test_said_in_german(english: str, german: str) -> None:
    assert said(english, "de") == german
    assert said(english, ENGLISH) == english


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr, de;q=0.5, en;q=0.7", "en"),
        ("fr", "en"),
        ("de;q=0", "en"),
        ("*", "en"),
        ("de;q=often", "en"),
    ],
)
def test_the_language_asked_for(accepted: str, language: str) -> None:
    assert asked(accepted) == language


@pytest.mark.parametrize("part", ["Released ", "; and . , ", "a wrote to b on 24 Nov 2026, and ", "“, . ; : ", "line 1: ", "A link: "])
def test_a_text_that_fits_everywhere_is_left_alone(part: str) -> None:
    text = part * 2000
    assert said(text, "de") == text
    assert said(text[:LONGEST], "de")
