"""The command `mailroom`: its groups, its settings file, and how a refusal is told to the shell."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import click

from triage.errors import BadInput, Refused
from triage.visible import visible

COMMANDS = {  # where each command lives: a role must not import what another one needs
    "serve": "serve",
    "receive": "roles",
    "judge": "roles",
    "outbound": "roles",
    "relay": "roles",
    "recall": "roles",
    "api": "roles",
    "upkeep": "roles",
    "webhooks": "hooking",
    "demo": "demo",
    "db": "database",
    "sync": "sync",
    "rehearse": "rehearsing",
    "import": "importing",
    "staff": "staff",
    "practice": "practising",
    "token": "tokens",
    "deliveries": "mail",
    "show": "mail",
    "release": "mail",
    "redirect": "mail",
    "purge": "mail",
    "reject": "mail",
    "restore": "mail",
    "hold": "mail",
    "redeliver": "redelivering",
    "sweep": "sweeping",
    "ask": "requests",
    "requests": "requests",
    "seed": "seeding",
    "campaigns": "campaigns",
    "decisions": "decided",
    "groups": "groups",
    "queue": "waiting",
    "allow": "senders",
    "block": "senders",
    "rules": "rules",
    "correspondents": "correspondents",
    "learn": "logs",
    "open": "emergency",
    "mode": "modes",
    "second-keys": "second_keys",
    "report": "reporting",
    "audit": "records",
    "retention": "records",
    "legal-hold": "legal_hold",
    "person-data": "person_data",
    "settings": "reference",
    "doctor": "doctoring",
}
DONE, REFUSED, USAGE, LATER = 0, 1, 2, 75  # sysexits.h calls 75 EX_TEMPFAIL


class Lazy(click.Group):
    """A group that imports a command only when it is called: `mailroom receive` starts without a database library."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"triage_cli.{COMMANDS[cmd_name]}")
        return next(one for one in vars(module).values() if isinstance(one, click.Command) and one.name == cmd_name)


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", metavar="FILE", help="Settings file. Default: $MAILROOM_CONFIG, ./mailroom.toml, /etc/mailroom/mailroom.toml.")
@click.version_option(package_name="mailroom")
@click.pass_context
def mailroom(ctx: click.Context, config: str | None) -> None:
    """A few trained people look at a company's outside mail, so that nobody else has to."""
    ctx.obj = config


def main() -> None:
    """Run the command; every refusal is one line on standard error that says what to do."""
    sys.exit(run(lambda: mailroom(standalone_mode=False)))


def run(command: Callable[[], Any]) -> int:
    """The exit code of a command: 0 done, 1 refused or partly failed, 2 usage, 75 try again later."""
    try:
        result = command()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort:
        return REFUSED
    except click.ClickException as fault:
        fault.show()
        return USAGE
    except Refused as refusal:
        return told(str(refusal), USAGE if isinstance(refusal, BadInput) else REFUSED)
    except KeyboardInterrupt:
        return REFUSED
    except UnicodeEncodeError:
        return told("an argument is not UTF-8; write it in UTF-8", USAGE)
    except Exception as fault:
        if not is_passing(fault):
            raise
        return told(f"the database does not answer ({str(fault).splitlines()[0]}); try again, or run `mailroom db check`", LATER)
    return result if isinstance(result, int) else DONE


def is_passing(fault: Exception) -> bool:
    """Is this a database that may answer again later? Asked by name, since most commands never import one."""
    return any(kind.__name__ == "OperationalError" for kind in type(fault).__mro__)


def told(sentence: str, code: int) -> int:
    """Say it and give the code back."""
    click.echo(f"mailroom: {visible(sentence)}", err=True)
    return code
