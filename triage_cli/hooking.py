"""`mailroom webhooks`: the role that tells programs elsewhere what happens, and how its webhooks fare."""

import click

from triage import outbox, payloads
from triage.times import utcnow
from triage_cli.asks import settings_of
from triage_cli.opened import looking, shell_user, writing
from triage_cli.printing import Form, Shape, lists, say
from triage_cli.roles import start

WEBHOOKS = Shape(
    {
        "name": "in the settings",
        "state": "works, failing, gone (it answered 410) or new",
        "waiting": "events that it is still to be told",
        "oldest": "of them",
        "succeeded": "when it was told something last, or never",
        "dropped": "events that it was never told",
        "last_reply": "while it fails",
    }
)


@click.group("webhooks", invoke_without_command=True)
@click.pass_context
def webhooks(ctx: click.Context) -> None:
    """Tell the webhooks of the settings what happens, until told to stop; or look at them."""
    if ctx.invoked_subcommand is None:
        start(ctx, "webhooks.sender", "webhooks")


@webhooks.command("list")
@lists(WEBHOOKS)
@click.pass_context
def list_webhooks(ctx: click.Context, form: Form) -> None:
    """Every webhook of the settings: whether it works, and what it is still to be told."""
    settings = settings_of(ctx)
    with looking(settings) as session:
        found = outbox.fared(session, [hook.name for hook in settings.webhooks.hooks])
    rows = [
        {
            "name": one.name,
            "state": "gone" if one.gone else "failing" if one.ails else "works" if one.succeeded_at else "new",
            "waiting": one.waiting,
            "oldest": one.oldest.isoformat(timespec="seconds") if one.oldest else "",
            "succeeded": one.succeeded_at.isoformat(timespec="seconds") if one.succeeded_at else "never",
            "dropped": one.dropped,
            "last_reply": one.last_reply if one.failures or one.gone else "",
        }
        for one in found
    ]
    WEBHOOKS.print(rows, form)


@webhooks.command("test")
@click.argument("name")
@click.pass_context
def test(ctx: click.Context, name: str) -> None:
    """Have a webhook called now, also one that is gone; it is told nothing but who asked."""
    settings = settings_of(ctx)
    hook = outbox.hook_named(settings, name)
    with writing(settings) as session:
        event = outbox.try_out(session, hook, by=shell_user(), now=utcnow(), link=settings.api.public_url)
    say(f"{event} is to be sent by `mailroom webhooks`; `mailroom webhooks list` says whether it was taken")


@webhooks.command("resume")
@click.argument("name")
@click.pass_context
def resume(ctx: click.Context, name: str) -> None:
    """Call a webhook again that has answered 410, or that rests after failures."""
    settings = settings_of(ctx)
    hook = outbox.hook_named(settings, name)
    with writing(settings) as session:
        outbox.resume(session, hook.name, by=shell_user(), now=utcnow())
    say("it is called again")


@webhooks.command("secret")
def secret() -> None:
    """Print a new key, for a secret_file here and for the receiver."""
    say(payloads.new_key())
