"""The command `mailroom`: its groups, its settings file, and how a refusal is told to the shell."""

import os
import re
import sys
from collections.abc import Callable
from typing import Any

import click

from triage.errors import BadInput, NotYet, Refused, Unanswered
from triage.text.sanitize import escape_visible
from triage_cli.client.client_option import server_options
from triage_cli.client.exit_codes import DONE, LATER, REFUSED, USAGE
from triage_cli.lazy_group import Sections, suggest_command
from triage_cli.output.faults import guard_traces, print_fault
from triage_cli.output.tables import warn

NO_COMMAND = re.compile(r"No such command '(.+?)'\.$")  # and click found none that is near
CHOICES = "\n\t"  # stands between those that click lists
SECTIONS = {  # where each command lives, as the help lists them: a role must not import what another one needs
    "Run": {
        "demo": "commands.operations.demo",
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
    },
    "Messages": {
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
        "assign": "commands.queue.assign",
        "comment": "commands.queue.comment",
        "escalate": "commands.decisions.escalate",
        "decisions": "commands.decisions.decisions",
        "approvals": "commands.decisions.approvals",
        "confidential-removals": "commands.decisions.keepers",
        "escalations": "commands.decisions.escalate",
        "campaigns": "commands.queue.campaigns",
        "searches": "commands.queue.saved_searches",
        "sweep": "commands.decisions.sweep",
        "hunt": "commands.decisions.hunt",
        "redeliver": "commands.decisions.redeliver",
        "outgoing": "commands.operations.outgoing_queue",
        "brakes": "commands.operations.outbound_brakes",
        "run": "commands.operations.outbound_brakes",
        "spool": "commands.operations.spool",
        "emergency": "commands.policy.emergency",
        "checks": "commands.policy.sender_checks",
        "proofs": "commands.policy.changed_proofs",
        "sending-services": "commands.records.sending_services",
    },
    "Senders": {
        "allow": "commands.policy.allow_block",
        "block": "commands.policy.allow_block",
        "hold-sender": "commands.policy.allow_block",
        "rules": "commands.policy.rules",
        "start-list": "commands.policy.start_list",
        "sieve": "commands.policy.sieve",
        "contacts": "commands.policy.contacts",
        "seed": "commands.past_mail.seed_contacts",
        "learn": "commands.past_mail.learn_postfix_log",
        "simulate": "commands.past_mail.simulate",
        "enforcement": "commands.policy.enforcement",
    },
    "People": {
        "staff": "commands.access.staff",
        "people": "commands.access.people",
        "who-can-read": "commands.access.folder_readers",
        "distribution-lists": "commands.access.groups",
        "requests": "commands.queue.release_requests",
        "ask": "commands.queue.release_requests",
        "reported": "commands.queue.reported_mail",
        "token": "commands.access.api_tokens",
        "training": "commands.queue.training",
        "sync": "commands.access.sync",
    },
    "Reports": {
        "report": "commands.records.report",
    },
    "Audit": {
        "audit": "commands.records.audit",
        "legal-hold": "commands.records.legal_hold",
        "person-data": "commands.records.person_data",
        "retention": "commands.records.audit_keys",
    },
    "Maintenance": {
        "quickstart": "quickstart.quickstart_command",
        "doctor": "doctor.doctor_command",
        "authenticate": "commands.operations.authenticate",
        "db": "commands.operations.database",
        "backup": "commands.operations.backup",
        "resume": "commands.operations.resume",
        "import": "commands.past_mail.import_mail",
        "settings": "manual.settings_reference",
        "secrets": "secrets.secrets_command",
        "completion": "manual.completion",
        "man": "manual.man_pages",
    },
}
RENAMED = {  # before 0.1.0
    "queue": "outgoing",
    "rehearse": "simulate",
    "open": "emergency",
    "groups": "distribution-lists",
    "hand": "assign",
    "second-keys": "approvals",
    "keepers": "confidential-removals",
    "correspondents": "contacts",
    "practice": "training",
    "mode": "enforcement",
}
KEPT = frozenset({"queue", "rehearse", "open"})  # scripts of others call them by these names; the rest is only suggested


@click.group(
    cls=Sections,
    by_section=SECTIONS,
    renamed=RENAMED,
    kept=KEPT,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--config", metavar="FILE", help="Settings file. Default: $MAILROOM_CONFIG, ./mailroom.toml, /etc/mailroom/mailroom.toml.")
@server_options
@click.version_option(package_name="mailroom")
@click.pass_context
def mailroom(ctx: click.Context, config: str | None) -> None:
    """Mailroom holds messages from unknown senders until trained staff decide."""
    ctx.obj = config


def main() -> None:
    """Run the command; every refusal is one line on standard error that says what to do."""
    guard_traces()
    sys.exit(run_command(lambda: mailroom(prog_name="mailroom", standalone_mode=False)))


def run_command(command: Callable[[], Any]) -> int:
    """The exit code of a command: 0 done, 1 refused or partly failed, 2 usage, 75 try again later."""
    try:
        result = command()
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.Abort, KeyboardInterrupt):
        return REFUSED
    except click.ClickException as fault:
        return say_usage(fault)
    except Refused as refusal:
        return say_and_return(str(refusal), code_of(refusal))
    except UnicodeEncodeError:
        return say_and_return("an argument is not UTF-8; write it in UTF-8", USAGE)
    except BrokenPipeError:  # who read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except Exception as fault:
        if not is_passing(fault):
            print_fault(fault)
            return REFUSED
        return say_and_return(f"the database does not answer ({str(fault).splitlines()[0]}); try again, or run `mailroom db check`", LATER)
    return result if isinstance(result, int) else DONE


def code_of(refusal: Refused) -> int:
    """A server's refusal says it; of the house's own each kind has one."""
    usual = USAGE if isinstance(refusal, BadInput) else LATER if isinstance(refusal, NotYet | Unanswered) else REFUSED
    return int(getattr(refusal, "code", usual))


def say_usage(fault: click.ClickException) -> int:
    """Say how a command is called."""
    if isinstance(fault, click.exceptions.NoArgsIsHelpError):  # a group by itself
        click.echo(fault.format_message(), err=True)
        return USAGE
    if isinstance(fault, click.UsageError) and fault.ctx is not None:
        click.echo(f"{fault.ctx.get_usage()}\nTry '{fault.ctx.command_path} -h' for help.\n", err=True)
    click.echo(f"Error: {escape_visible(fault.format_message().replace(CHOICES, ' '))}{suggest_known_command(fault)}", err=True)
    return USAGE


def suggest_known_command(fault: click.ClickException) -> str:
    """Returns "Did you mean …?" for a command that does not exist; "" for every other fault."""
    unknown = NO_COMMAND.match(fault.format_message())
    ctx = fault.ctx if isinstance(fault, click.UsageError) else None
    if unknown is None or ctx is None or not isinstance(ctx.command, click.Group):
        return ""
    meant = suggest_command(ctx.command, ctx, unknown[1])
    return f" Did you mean `{ctx.command_path} {meant}`?" if meant else ""


def is_passing(fault: Exception) -> bool:
    """Whether a fault is of a database that may answer again later. Asked by name, since most commands never import one."""
    return any(kind.__name__ == "OperationalError" for kind in type(fault).__mro__)


def say_and_return(sentence: str, code: int) -> int:
    """Say it and give the code back."""
    warn(sentence)
    return code
