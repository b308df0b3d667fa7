"""The command `mailroom`: its groups, its settings file, and how a refusal is told to the shell."""

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from triage.errors import BadInput, NotYet, Refused, Unanswered
from triage.text.sanitize import escape_visible
from triage_cli.client.client_option import server_options
from triage_cli.client.exit_codes import DONE, LATER, REFUSED, USAGE
from triage_cli.lazy_group import Lazy
from triage_cli.output.tables import warn

CHOICES = "\n\t"  # stands between those that click lists
COMMANDS = {  # where each command lives: a role must not import what another one needs
    "serve": "services.supervisor",
    "receive": "services.roles",
    "judge": "services.roles",
    "outbound": "services.roles",
    "relay": "services.roles",
    "recall": "services.roles",
    "mirror": "services.roles",
    "api": "services.roles",
    "identity": "services.roles",
    "upkeep": "services.roles",
    "webhooks": "commands.operations.webhooks",
    "demo": "commands.operations.demo",
    "db": "commands.operations.database",
    "sync": "commands.access.sync",
    "rehearse": "commands.past_mail.simulate",
    "import": "commands.past_mail.import_mail",
    "staff": "commands.access.staff",
    "practice": "commands.queue.training",
    "token": "commands.access.api_tokens",
    "deliveries": "commands.queue.deliveries",
    "show": "commands.queue.deliveries",
    "trace": "commands.queue.message_trace",
    "where": "commands.queue.where",
    "release": "commands.decisions.decide",
    "redirect": "commands.decisions.decide",
    "purge": "commands.decisions.decide",
    "reject": "commands.decisions.decide",
    "restore": "commands.decisions.decide",
    "hold": "commands.decisions.decide",
    "hand": "commands.queue.assign",
    "escalate": "commands.decisions.escalate",
    "escalations": "commands.decisions.escalate",
    "searches": "commands.queue.saved_searches",
    "redeliver": "commands.decisions.redeliver",
    "sweep": "commands.decisions.sweep",
    "ask": "commands.queue.release_requests",
    "requests": "commands.queue.release_requests",
    "reported": "commands.queue.reported_mail",
    "seed": "commands.past_mail.seed_contacts",
    "campaigns": "commands.queue.campaigns",
    "decisions": "commands.decisions.decisions",
    "groups": "commands.access.groups",
    "people": "commands.access.people",
    "queue": "commands.operations.outgoing_queue",
    "spool": "commands.operations.spool",
    "allow": "commands.policy.allow_block",
    "block": "commands.policy.allow_block",
    "hold-sender": "commands.policy.allow_block",
    "rules": "commands.policy.rules",
    "correspondents": "commands.policy.contacts",
    "learn": "commands.past_mail.learn_postfix_log",
    "open": "commands.policy.emergency",
    "mode": "commands.policy.enforcement_mode",
    "second-keys": "commands.decisions.approvals",
    "keepers": "commands.decisions.keepers",
    "report": "commands.records.report",
    "audit": "commands.records.audit",
    "retention": "commands.records.audit_keys",
    "backup": "commands.operations.backup",
    "resume": "commands.operations.resume",
    "legal-hold": "commands.records.legal_hold",
    "person-data": "commands.records.person_data",
    "settings": "manual.settings_reference",
    "completion": "manual.completion",
    "man": "manual.man_pages",
    "doctor": "doctor.doctor_command",
}


@click.group(cls=Lazy, elsewhere=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", metavar="FILE", help="Settings file. Default: $MAILROOM_CONFIG, ./mailroom.toml, /etc/mailroom/mailroom.toml.")
@server_options
@click.version_option(package_name="mailroom")
@click.pass_context
def mailroom(ctx: click.Context, config: str | None) -> None:
    """A few trained people look at a company's outside mail, so that nobody else has to."""
    ctx.obj = config


def main() -> None:
    """Run the command; every refusal is one line on standard error that says what to do."""
    sys.exit(run(lambda: mailroom(prog_name="mailroom", standalone_mode=False)))


def run(command: Callable[[], Any]) -> int:
    """The exit code of a command: 0 done, 1 refused or partly failed, 2 usage, 75 try again later."""
    try:
        result = command()
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.Abort, KeyboardInterrupt):
        return REFUSED
    except click.ClickException as fault:
        return misused(fault)
    except Refused as refusal:
        return told(str(refusal), code_of(refusal))
    except UnicodeEncodeError:
        return told("an argument is not UTF-8; write it in UTF-8", USAGE)
    except BrokenPipeError:  # who read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except Exception as fault:
        if not is_passing(fault):
            raise
        return told(f"the database does not answer ({str(fault).splitlines()[0]}); try again, or run `mailroom db check`", LATER)
    return result if isinstance(result, int) else DONE


def code_of(refusal: Refused) -> int:
    """A server's refusal says it; of the house's own each kind has one."""
    usual = USAGE if isinstance(refusal, BadInput) else LATER if isinstance(refusal, NotYet | Unanswered) else REFUSED
    return int(getattr(refusal, "code", usual))


def misused(fault: click.ClickException) -> int:
    """Say how a command is called."""
    if isinstance(fault, click.exceptions.NoArgsIsHelpError):  # a group by itself
        click.echo(fault.format_message(), err=True)
        return USAGE
    if isinstance(fault, click.UsageError) and fault.ctx is not None:
        click.echo(f"{fault.ctx.get_usage()}\nTry '{fault.ctx.command_path} -h' for help.\n", err=True)
    click.echo(f"Error: {escape_visible(fault.format_message().replace(CHOICES, ' '))}", err=True)
    return USAGE


def is_passing(fault: Exception) -> bool:
    """Is this a database that may answer again later? Asked by name, since most commands never import one."""
    return any(kind.__name__ == "OperationalError" for kind in type(fault).__mro__)


def told(sentence: str, code: int) -> int:
    """Say it and give the code back."""
    warn(sentence)
    return code
