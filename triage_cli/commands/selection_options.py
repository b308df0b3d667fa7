"""A selection as the shell writes it: ids as arguments, features as options, the same for looking and for deciding."""

from datetime import UTC, datetime
from typing import Any

import click

from triage import ids
from triage.errors import BadInput
from triage.store.delivery_state import State
from triage_cli.options import join_options


def states_like(_ctx: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """The states that begin so, for completion."""
    return [state for state in State if state.startswith(begun)]


FOLDER = "+"  # stands between department and person, as lists print a folder
OPTIONS = (
    click.argument("numbers", metavar="[ID]...", nargs=-1),
    click.option("--sender", default="", metavar="ADDRESS", help="Author address."),
    click.option("--domain", default="", metavar="DOMAIN", help="Author domain, with its subdomains."),
    click.option("--campaign", metavar="ID", help="Campaign: its copies, unless --proof says otherwise."),
    click.option(
        "--proof",
        default="",
        metavar="any|none|copies|DOMAIN|ADDRESS",
        help="Proven domain or address; of a campaign, copies is the default.",
    ),
    click.option("--department", metavar="CODE", help="For this department, or a folder such as it+joe.fern."),
    click.option("--person", metavar="UID", help="For this person; empty: for the department's shared folder."),
    click.option(
        "--search", default="", metavar="WORDS", help="Words that all occur, or NAME:VALUE such as from:dhl (docs/reference/search.md)."
    ),
    click.option("--link-domain", default="", metavar="DOMAIN", help="A link opens this domain or a subdomain."),
    click.option("--attachment-sha256", default="", metavar="DIGEST", help="An attachment has this SHA-256 digest."),
    click.option("--state", "states", multiple=True, help="State; repeat for several.", shell_complete=states_like),
    click.option("--since", metavar="DATE", help="Received at or after this time (ISO 8601, UTC by default)."),
    click.option("--until", metavar="DATE", help="Received before."),
)
selecting = join_options(OPTIONS)  # what makes a selection


def select_of(
    numbers: tuple[str, ...],
    sender: str,
    domain: str,
    campaign: str | None,
    proof: str,
    department: str | None,
    person: str | None,
    search: str,
    link_domain: str,
    attachment_sha256: str,
    states: tuple[str, ...],
    since: str | None,
    until: str | None,
) -> dict[str, Any]:
    """Returns the given options as a selection of the API. BadInput names what is no id, state or date."""
    said = {
        "ids": [given_id(text) for text in numbers],
        "sender": sender,
        "domain": domain,
        "campaign": given_id(campaign) if campaign else None,
        "proof": proof,
        "q": search,
        "link_domain": link_domain,
        "attachment_sha256": attachment_sha256,
        "states": [given_state(text) for text in states],
        "since": parse_date(since, "--since"),
        "until": parse_date(until, "--until"),
    }
    return {name: value for name, value in said.items() if value not in ("", None, [])} | folder_of(department, person)


def folder_of(department: str | None, person: str | None) -> dict[str, str]:
    """Returns the folder as the API takes it. Either option may be DEPARTMENT+PERSON, as lists print a folder."""
    code, _, uid = (department or "").partition(FOLDER)
    before, sign, after = (person or "").partition(FOLDER)
    code, name = code or (before if sign else ""), (after if sign else person)
    given = {"department": code} if code else {}
    return given | ({"person": name if name is not None else uid} if name is not None or uid else {})


def scope_of(text: str) -> str:
    """Returns a scope as the API takes it: it may be a folder as lists print it, such as it or it+joe.fern."""
    if text in ("", "company") or ":" in text:
        return text
    code, sign, uid = text.partition(FOLDER)
    return f"person:{uid}" if sign and uid else f"department:{code}"


def read_scope(_ctx: click.Context, _option: click.Parameter, value: Any) -> Any:
    """Parses --scope, one or several, into the form that the API takes."""
    return tuple(map(scope_of, value)) if isinstance(value, tuple) else value and scope_of(value)


def given_id(text: str) -> str:
    """An id as it is printed, checked."""
    return ids.format_id(parse_number(text))


def given_state(text: str) -> str:
    """A state, checked."""
    if text not in set(State):
        states = ", ".join(State)
        raise BadInput(f'--state: "{text}" is no state; there are {states}')
    return text


def parse_number(text: str) -> int:
    """An id as it is printed."""
    try:
        return ids.parse_id(text)
    except ValueError as fault:
        raise BadInput(str(fault)) from fault


def parse_date(text: str | None, option: str) -> datetime | None:
    """An ISO date or instant, UTC unless it names an offset."""
    if text is None:
        return None
    try:
        given = datetime.fromisoformat(text)
    except ValueError as fault:
        raise BadInput(f'{option}: "{text}" is no date such as 2026-11-24 or 2026-11-24T09:30+01:00') from fault
    return given if given.tzinfo else given.replace(tzinfo=UTC)
