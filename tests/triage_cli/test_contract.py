"""The names that other people's scripts rely on: commands, arguments and options that stay as they are."""

import click
import pytest

from tests.triage_cli.test_parity import leaf
from triage_cli import main
from triage_cli.codes import DONE, LATER, REFUSED, USAGE
from triage_cli.main import mailroom

VERB = "[ID]... --sender --domain --campaign --department --person --search --state --reason --expect --wait --json"
RULE = "ADDRESS|DOMAIN|.DOMAIN|list:LIST-ID --scope --until --note"
CONTRACT = {
    "serve": "", "receive": "", "judge": "", "outbound": "", "relay": "", "recall": "", "api": "",
    "demo": "--fresh",
    "db upgrade": "", "db check": "",
    "doctor": "--json",
    "sync": "--full --dry-run --json",
    "seed imap": "--dry-run --since", "seed maildir": "DIRECTORY --dry-run --since", "seed mbox": "PATH... --dry-run --since",
    "rehearse imap": "--json", "rehearse maildir": "DIRECTORY --json", "rehearse mbox": "PATH... --json",
    "deliveries": "[ID]... --state --department --person --sender --domain --campaign --search --json --csv",
    "show": "ID --headers --source --json",
    "release": f"{VERB} --allow", "purge": f"{VERB} --block", "restore": VERB, "reject": VERB, "redirect": f"{VERB} --to", "hold": VERB,
    "allow": f"{RULE} --proof", "block": RULE,
    "rules": "", "rules list": "--json --csv", "rules remove": "ID...", "rules import": "FILE --dry-run", "rules export": "",
    "rules explain": "ADDRESS|DELIVERY-ID --to --json", "rules propose": "--json",
    "decisions": "--json --csv", "decisions undo": "ID --reason --wait --json",
    "queue": "--json --csv", "queue list": "--json", "queue retry": "[ID]...", "queue hold": "[ID]...",
    "campaigns": "--json --csv",
    "staff add": "LOGIN --role --scope", "staff list": "--json", "staff remove": "LOGIN",
    "token create": "NAME --may --scope --until", "token list": "--json", "token revoke": "ID",
    "audit": "--json --csv", "audit verify": "", "audit export": "",
    "retention": "",
    "report": "--format --json --csv",
    "redeliver": "--person --since --wait",
    "open": "--until --reason",
    "import maildir": "DIRECTORY --to", "import mbox": "FILE --to",
}  # fmt: skip


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
    assert main.run(lambda: mailroom(["--version"], standalone_mode=False)) == DONE
