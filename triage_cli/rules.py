"""Sender rules: `mailroom rules list`, `remove`, `change`, `import`, `export`, `explain`."""

from typing import Any

import click

from triage import explaining, rule_files, rules as sender_rules
from triage.errors import BadInput, NotFound
from triage.explaining import Case
from triage.ids import show
from triage.models import Rule
from triage.rule_files import FaultyLines, sender_of
from triage.rules import RuleOrder
from triage.times import utcnow
from triage_cli.opened import looking, settings_of, shell_user, writing
from triage_cli.printing import say, table
from triage_cli.proposing import propose
from triage_cli.selecting import date, number

COLUMNS = ("id", "effect", "sender", "to", "scope", "proof", "author", "used", "until", "note")


@click.group(invoke_without_command=True)
@click.pass_context
def rules(ctx: click.Context) -> None:
    """Sender rules in force; `rules remove ID` takes one back."""
    if not ctx.invoked_subcommand:
        ctx.invoke(list_rules)


rules.add_command(propose)


@rules.command("list")
@click.option("--search", "q", default="", metavar="TEXT", help="Part of the sender.")
@click.option("--limit", default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_rules(ctx: click.Context, q: str = "", limit: int = 100, as_json: bool = False) -> None:
    """The rules in force, newest first."""
    with looking(settings_of(ctx)) as session:
        rows = [row_of(rule) for rule in sender_rules.listing(session, utcnow(), by=shell_user(), q=q, limit=limit)]
    table(rows, COLUMNS, as_json=as_json)


@rules.command("remove")
@click.argument("rule_ids", metavar="ID...", nargs=-1, required=True)
@click.pass_context
def remove_rules(ctx: click.Context, rule_ids: tuple[str, ...]) -> None:
    """Take rules out of force; they stay on the record."""
    with writing(settings_of(ctx), "door") as session:
        for rule_id in rule_ids:
            if not sender_rules.known_to(session, [number(rule_id)], by=shell_user()):
                raise NotFound(f"there is no rule {rule_id}")
            sender_rules.remove(session, number(rule_id), by=shell_user(), now=utcnow())


@rules.command("redirect")
@click.argument("sender", metavar="ADDRESS|DOMAIN|.DOMAIN|list:LIST-ID|recipient:ADDRESS")
@click.option("--to", required=True, metavar="NAME|ADDRESS", help="A person, a department, or an address here.")
@click.option("--recipient", default="", metavar="ADDRESS", help="Only mail to this address of ours.")
@click.option("--scope", default="company", show_default=True, metavar="company|department:CODE|person:UID", help="Whose mail.")
@click.option("--until", metavar="DATE", help="The rule runs out then.")
@click.option("--note", default="")
@click.pass_context
def redirect_rule(ctx: click.Context, sender: str, to: str, recipient: str, scope: str, until: str | None, note: str) -> None:
    """Always send mail of somebody, or to an address of ours, to somebody else here. It lets nothing in that would be held."""
    settings = settings_of(ctx)
    match, value = rule_files.match_of(sender)
    order = RuleOrder("redirect", match, value, scope, until=date(until, "--until"), note=note, recipient=recipient, to=to)
    with writing(settings) as session:
        rule = sender_rules.add(session, order, by=shell_user(), now=utcnow(), settings=settings)
        said = f"{show(rule.id)}  redirect {sender_of(rule)} to {rule.target} for {rule.scope}"
    say(said)


@rules.command("change")
@click.argument("rule_id", metavar="ID")
@click.option("--proof", help="What proves the sender.", metavar="dmarc|aligned|dkim:DOMAIN|arc:DOMAIN")
@click.option("--until", metavar="DATE", help="The rule runs out then; never: it does not.")
@click.option("--note")
@click.option("--risky/--not-risky", default=None, help="Also with risky attachments.")
@click.pass_context
def change_rule(ctx: click.Context, rule_id: str, proof: str | None, until: str | None, note: str | None, risky: bool | None) -> None:
    """Change a rule; what is not named stays as it is."""
    given: dict[str, Any] = {"proof": proof, "note": note, "risky": risky}
    changes = {name: value for name, value in given.items() if value is not None}
    if until is not None:
        changes |= {"until": None if until == "never" else date(until, "--until"), "lapse_days": 0}
    if not changes:
        raise BadInput("name what to change: --proof, --until, --note, --risky or --not-risky")
    settings = settings_of(ctx)
    with writing(settings, "door") as session:
        sender_rules.change(session, number(rule_id), changes, by=shell_user(), now=utcnow(), settings=settings)


@rules.command("import")
@click.argument("file", type=click.File(encoding="utf-8"), metavar="FILE")
@click.option("--dry-run", is_flag=True, help="Only look whether every line is right.")
@click.pass_context
def import_rules(ctx: click.Context, file: Any, dry_run: bool) -> int:
    """Make every rule of a file (- is standard input), or none when a line is wrong.

    A line is what `rules export` writes, or such as: allow .supplier.example scope=department:it proof=aligned note="from Ana"
    """
    settings = settings_of(ctx)
    text = readable(file)
    try:
        with writing(settings, "door") as session:
            loaded = rule_files.load(session, text, by=shell_user(), now=utcnow(), settings=settings)
            if dry_run:
                session.rollback()
    except FaultyLines as faulty:
        for fault in faulty.faults:
            click.echo(f"{file.name}:{fault.line}: {fault.reason}", err=True)
        count = len(faulty.faults)
        click.echo(f"mailroom: {count} {'line is' if count == 1 else 'lines are'} wrong; no rule was made", err=True)
        return 2
    made = "1 rule" if loaded.made == 1 else f"{loaded.made} rules"
    say(f"{'would make' if dry_run else 'made'} {made}; {loaded.kept} {'was' if loaded.kept == 1 else 'were'} there already")
    return 0


def readable(file: Any) -> str:
    """What the file says; BadInput when it is not UTF-8."""
    try:
        text: str = file.read()
    except UnicodeDecodeError as fault:
        raise BadInput(f"{file.name} is not UTF-8: {fault.reason} at byte {fault.start}") from fault
    return text


@rules.command("export")
@click.pass_context
def export_rules(ctx: click.Context) -> None:
    """Every rule in force as one JSON object a line, which `rules import` reads back."""
    with looking(settings_of(ctx)) as session:
        for rule in sender_rules.listing(session, utcnow(), by=shell_user(), limit=1_000_000):
            click.echo(rule_files.written(rule))


@rules.command("explain")
@click.argument("sender", metavar="ADDRESS|DELIVERY-ID")
@click.option("--to", default="", metavar="ADDRESS", help="Somebody here.")
@click.option("--list", "list_id", default="", metavar="LIST-ID", help="As if it came through this list.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def explain_rules(ctx: click.Context, sender: str, to: str, list_id: str, as_json: bool) -> None:
    """Which rule decides about mail of a sender, with which proof, and what else matches; or why a delivery went where it went."""
    settings = settings_of(ctx)
    with looking(settings) as session:
        if "@" in sender:
            if not to:
                raise BadInput("--to: name somebody here, such as --to joe.fern@company.example")
            told = explaining.explain(session, sender, to, by=shell_user(), settings=settings, now=utcnow(), list_id=list_id)
            cases = [(one.proof, one) for one in told.cases]
            note = told.note
        else:
            past = explaining.explain_delivery(session, number(sender), by=shell_user(), settings=settings, now=utcnow())
            cases, note = [("then", past.then), ("today", past.today)], ""
    rows = [row for name, one in cases for row in rows_of(name, one)]
    table(rows, ("when", "what", "rule", "reason"), as_json=as_json)
    if note and not as_json:
        say(note)


def rows_of(when: str, one: Case) -> list[dict[str, str]]:
    """One case: what decides, and below it what matches too."""
    decides = {"when": when, "what": one.disposition, "rule": rule_name(one.rule, one.rule_id), "reason": one.reason}
    others = [{"when": "", "what": "also", "rule": rule_name(two.rule, two.rule_id), "reason": two.reason} for two in one.beside]
    return [decides, *others]


def rule_name(name: str, rule_id: int | None) -> str:
    """The policy's rule, and the sender rule if there is one."""
    return f"{name} {show(rule_id)}" if rule_id else name


def row_of(rule: Rule) -> dict[str, Any]:
    """A rule as a line of a list."""
    return {
        "id": show(rule.id),
        "effect": rule.effect,
        "sender": sender_of(rule),
        "scope": rule.scope,
        "to": rule.target,
        "proof": rule.proof or ("unproven mail only" if rule.unproven_only else ""),
        "author": rule.author,
        "used": rule.used,
        "until": rule.until.isoformat() if rule.until else "",
        "note": rule.note,
    }
