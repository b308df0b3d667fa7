"""The names that other people's scripts rely on: commands, arguments, options and fields that stay as they are."""

import click
import pytest

from tests.triage_cli.test_parity import leaf
from tests.triage_cli.test_scope import commands
from triage_cli import main
from triage_cli.client.exit_codes import DONE, LATER, REFUSED, USAGE
from triage_cli.main import mailroom
from triage_cli.output.tables import FormOption

CHOSEN = "[ID]... --sender --domain --campaign --department --person --search --link-domain --attachment-sha256 --state"
VERB = f"{CHOSEN} --reason --expect --wait --json"
RULE = "ADDRESS|DOMAIN|.DOMAIN|list:LIST-ID --scope --until --note"
CONTRACT = {
    "serve": "", "receive": "", "judge": "", "outbound": "", "relay": "", "recall": "", "api": "",
    "demo": "--fresh",
    "db upgrade": "", "db check": "",
    "doctor": "--json",
    "sync": "--full --dry-run --json",
    "seed imap": "--dry-run --since", "seed maildir": "DIRECTORY --dry-run --since", "seed mbox": "PATH... --dry-run --since",
    "simulate imap": "--json", "simulate maildir": "DIRECTORY --json", "simulate mbox": "PATH... --json",
    "deliveries": "[ID]... --state --department --person --sender --domain --campaign --search --json --csv",
    "show": "ID --headers --source --json",
    "release": f"{VERB} --allow", "purge": f"{VERB} --block", "restore": VERB, "reject": VERB, "redirect": f"{VERB} --to", "hold": VERB,
    "allow": f"{RULE} --proof", "block": RULE,
    "rules": "", "rules list": "--json --csv", "rules remove": "ID...", "rules import": "FILE --dry-run", "rules export": "",
    "sieve export": "DEPARTMENT", "sieve import": "FILE --scope --held-folder --dry-run",
    "rules explain": "ADDRESS|DELIVERY-ID --to --json", "rules propose": "--json",
    "start-list": "", "start-list show": "CATEGORY --json", "start-list allow": "CATEGORY --dry-run", "start-list undo": "ID",
    "start-list import": "FILE --dry-run",
    "decisions": "--json --csv", "decisions undo": "ID --reason --wait --json",
    "decisions items": "ID --outcome --json --csv",
    "spool": "--stuck --json --csv", "spool retry": "[ID]... --all", "spool take-out": "ID FILE",
    "outgoing": "--json --csv", "outgoing list": "--json", "outgoing retry": "[ID]...", "outgoing hold": "[ID]...",
    "campaigns": "--json --csv",
    "staff add": "LOGIN --role --scope", "staff list": "--json", "staff remove": "LOGIN",
    "token create": "NAME --may --scope --until", "token list": "--json", "token revoke": "ID",
    "audit": "--json --csv", "audit verify": "--state", "audit export": "",
    "retention": "",
    "report": "--format --json --csv",
    "redeliver": "--person --since --wait",
    "emergency": "--until --reason",
    "import maildir": "DIRECTORY --to", "import mbox": "FILE --to",
}  # fmt: skip
DECIDED = "decision approval said count done items"
MAIL = "id state received folder sender subject campaign"
FIELDS = {  # of --json; there may come more
    "authenticate": "author proof steps",
    "audit": "id at by act subject items sequence detail", "audit list": "id at by act subject items sequence detail",
    "audit verify": "records unchained head checkpoints fault state",
    "campaigns": "id messages deliveries held people senders newest subject",
    "campaigns list": "id messages deliveries held people senders newest subject",
    "campaigns show": "id messages deliveries held people senders newest subject made by compared with states proofs from subjects",
    "campaigns join": DECIDED, "campaigns split": DECIDED, "decisions undo": DECIDED, "hold": DECIDED, "purge": DECIDED,
    "redeliver": DECIDED, "redirect": DECIDED, "reject": DECIDED, "release": DECIDED, "restore": DECIDED, "sweep": DECIDED,
    "hunt start": "id at by state found said reason not_searched", "hunt show": "id at by state found said reason not_searched",
    "hunt list": "id at by state found said reason not_searched", "hunt close": "id at by state found said reason not_searched",
    "hunt ask": "approval said", "hunt messages": "message mailbox folder at author subject read state", "hunt remove": DECIDED,
    "contacts list": "id address scope sent replies last_mail expires how provenance",
    "contacts lists": "address posts person rule",
    "contacts reasons": "count how reason sentence",
    "decisions": "id at by said undone reason", "decisions list": "id at by said undone reason",
    "decisions items": "delivery before outcome why",
    "decisions related": "copy mailbox folder at author subject what state",
    "deliveries": MAIL,
    "doctor": "level what found do",
    "distribution-lists": "address name department members expand aliases",
    "import maildir": "states known unreadable dry_run", "import mbox": "states known unreadable dry_run",
    "escalations list": "id at to phone messages deliveries by reason hold confirmed confirmed_by undone",
    "confidential-removals list": "id folder requested expires count said reason",
    "legal-hold list": "id about person select messages since by reason lifted lifted_by lifted_reason",
    "enforcement list": "scope name step ends next by at reason assistant",
    "enforcement undecided": "delivery received_at author subject removed reported",
    "person-data list": "id requested by reason pseudonym messages contents kept rules_left done",
    "training known-messages": "who right answered bad_released good_removed",
    "training scores": "login right answered bad_released good_removed last_at",
    "outgoing": "id kind state mailbox next_hop attempts next_try last_reply",
    "outgoing list": "id kind state mailbox next_hop attempts next_try last_reply",
    "outgoing next-hops": "next_hop waiting under_way refused unreachable next_try last_reply",
    "report": "name title since until time_zone sentences definition tables",
    "reported list": "id at by others delivery state author subject found",
    "secrets": "name kept roles fault",
    "searches list": "id name search tab department person shared by held",
    "who-can-read": "kind name shown role access why",
    "people list": "uid name department mailbox", "people departments": "code name people mailbox roles responsible",
    "requests list": "id requested by delivery state author subject comment",
    "resume": "found absent unknown waiting unreachable resumed",
    "retention": "expired erased forgotten expiring",
    "rules explain": "when what rule reason",
    "proofs list": "domain state messages people held days first_at last_at now before renewed_at by_name",
    "sending-services": "domain name proof messages needs wanting reporters last_at",
    "checks list": "name mode trial_until held_today senders_today fuse_at",
    "brakes list": "id person state at recipients waiting subjects by_name reason",
    "run list": "id person recipients used until by_name reason",
    "rules list": "id effect sender to scope proof author used until note origin risky unchecked encrypted lapse_days first_used_at"
    " last_used_at warnings",
    "rules propose": "id kind value proof would pass why evidence",
    "start-list acts": "id category domains at by_name undone_at undone_by_name version",
    "start-list list": "name title offered allowed unseen platforms refused sentence",
    "start-list show": "domain listed standing messages would_pass time_limited people sends why dkim sources",
    "approvals list": "id requested expires said reason",
    "spool": "id spool received from to bytes tries next_try why", "spool list": "id spool received from to bytes tries next_try why",
    "show": f"{MAIL} message to note mailbox from client reverse_path proof rule why signals priority why_here expires attachments "
    "last_reply text",
    "staff list": "login name role scope rights source away sessions",
    "staff substitutes": "id absent substitute from until reason",
    "sync": "people added removed moved dry_run needs_confirm changes refused notes",
    "token create": "id name expires key",
    "trace": "delivery recipient at act by attempt next_hop sentence",
    "token list": "id name may scope made_by expires used client state",
    "where": "at delivery recipient sender sentence state subject",
    "webhooks list": "name state waiting oldest succeeded dropped last_reply",
}  # fmt: skip
SAYS = (  # commands of this machine whose --json holds what they say
    "audit key", "backup create", "backup restore", "db check", "db compact", "db upgrade", "learn postfix-log",
    "secrets rotate", "secrets encrypt", "secrets decrypt", "spool retry",
    "spool take-out", "staff add", "staff break-glass", "staff link", "staff lock", "staff password", "staff remove",
    "staff reset-second-factor", "staff rights", "staff sign-out", "staff unlink", "staff unlock", "webhooks secret",
)  # fmt: skip
ACTS = (  # commands that change something: what they say, and the API's answers
    "allow", "approvals confirm", "approvals decline", "ask", "assign", "block",
    "brakes release", "brakes remove", "brakes restore", "checks resume", "confidential-removals confirm",
    "comment", "confidential-removals decline", "contacts accept", "contacts drop", "emergency", "enforcement hold-dangerous",
    "enforcement hold-everything", "enforcement hold-unknown",
    "enforcement record-only", "enforcement reset", "escalate", "escalations confirm", "hold-sender",
    "legal-hold add", "legal-hold lift", "outgoing give-up", "outgoing hold", "outgoing retry", "person-data erase", "reported answer",
    "proofs refuse", "proofs renew", "proofs undo",
    "requests decline", "rules change", "rules content", "rules import", "rules pause",
    "rules redirect", "rules remove", "rules resume", "rules test", "run announce", "run end",
    "searches remove", "searches save", "sieve import", "start-list allow", "start-list import", "start-list undo",
    "staff away", "staff end-substitute", "staff substitute", "token revoke", "webhooks resume", "webhooks test",
)  # fmt: skip
FIELDS |= dict.fromkeys(SAYS, "said") | dict.fromkeys(ACTS, "said answers")
WITHOUT = {  # roles, and what prints data or files, or talks with a person
    "api", "identity", "judge", "mirror", "outbound", "recall", "receive", "relay", "serve", "upkeep", "demo", "quickstart",
    "audit export", "person-data export", "rules export", "sieve export", "spool show", "completion", "man", "settings",
}  # fmt: skip


def fields(name: str) -> set[str]:
    """The words of what --json holds; empty where a command has no --json."""
    shapes = [option.shape for option in leaf(name).params if isinstance(option, FormOption)]
    return {word for shape in shapes for field in shape.fields for word in field.split()}


def test_no_field_is_ever_taken_away() -> None:
    there = {name: fields(name) for name in {*commands(), "outgoing", "secrets", "spool"} if fields(name)}
    assert set(FIELDS) == set(there), "a new command's fields stand here too"
    assert {name: gone for name, said in FIELDS.items() if (gone := set(said.split()) - there[name])} == {}


def test_every_command_that_says_something_has_json() -> None:
    assert {name for name in commands() if not any("--json" in option.opts for option in leaf(name).params)} == WITHOUT


@pytest.mark.parametrize(("words", "promised"), CONTRACT.items(), ids=CONTRACT)
def test_what_is_promised_is_there(words: str, promised: str) -> None:
    command = leaf(words)
    assert command.name == words.split()[-1]
    context = click.Context(command, info_name=command.name)
    there = {name for option in command.params for name in option.opts if isinstance(option, click.Option)}
    there |= set(command.collect_usage_pieces(context))
    assert set(promised.split()) - there == set()
    assert not isinstance(command, click.Group) or command.invoke_without_command or words not in CONTRACT


def test_codes_and_the_way_it_is_called() -> None:
    assert (DONE, REFUSED, USAGE, LATER) == (0, 1, 2, 75)
    there = {name for option in mailroom.params for name in option.opts}
    assert {"--config", "--server", "--token-file", "--version"} <= there
    assert main.run_command(lambda: mailroom(["--version"], standalone_mode=False)) == DONE
