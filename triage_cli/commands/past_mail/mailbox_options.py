"""Sources of past mail, from command options: mailboxes over IMAP, in Maildirs or in mbox files."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click
from sqlalchemy import select
from sqlmodel import Session, col

from mailboxes.imap.imap_login import check_login_settings
from mailboxes.sources.imap_source import ImapSource
from mailboxes.sources.maildir_source import MaildirSource
from mailboxes.sources.mbox_source import MboxSource
from mailboxes.sources.source import HEADERS, Source
from triage.addressing.envelope import Address
from triage.config.settings import Recall, Settings
from triage.errors import BadInput
from triage.store.models.directory import Department, Person
from triage_cli.options import join_options

IMAP = (
    click.argument("addresses", metavar="[ADDRESS]...", nargs=-1),
    click.option("--accounts", type=click.Path(path_type=Path), help="File of lines ADDRESS or ADDRESS:PASSWORD (each signs in itself)."),
    click.option("--server", metavar="imaps://HOST[:PORT]", help="IMAP server. Default: recall.imap. These options replace [recall]."),
    click.option("--auth", type=click.Choice(["master", "per-account", "xoauth2", "microsoft", "google"]), help="How to sign in."),
    click.option("--master-user", metavar="LOGIN", help="Account that may open every mailbox."),
    click.option("--separator", metavar="TEXT", help='Separator of mailbox and master user; "": SASL PLAIN as a proxy (Cyrus).'),
    click.option("--password-file", metavar="FILE", help="File with the password, or a line ADDRESS:PASSWORD for each account."),
    click.option("--login", type=click.Choice(["address", "local-part"]), help="Part of the address to sign in with."),
    click.option("--ca-file", metavar="FILE", help="PEM file of trusted certificate authorities."),
    click.option("--plain", is_flag=True, default=None, help="Use imap:// without encryption."),
)  # fmt: skip


class Place(NamedTuple):
    """A source, and its name in the audit log."""

    source: Source
    name: str


imap_options = join_options(IMAP)  # which mailboxes of which IMAP server, and how to enter


def over_imap(
    session: Session,
    settings: Settings,
    addresses: tuple[str, ...],
    accounts: Path | None,
    *,
    fields: tuple[str, ...] = HEADERS,
    **options: Any,
) -> Place:
    """Opens the given mailboxes, those of the file, or all mailboxes over IMAP. BadInput when no account can sign in. `fields`: as
    ImapSource."""
    recall = replace(
        settings.recall, **{"imap" if name == "server" else name: given for name, given in options.items() if given is not None}
    )
    named = [address_of(one, "ADDRESS") for one in addresses]
    if accounts:
        recall, listed = of_file(recall, accounts)
        named += listed
    if not recall.imap:
        raise BadInput("there is no IMAP server: give --server, or set recall.imap")
    check_login_settings(recall)
    found = named or all_mailboxes(session)
    return Place(ImapSource(recall, tuple(dict.fromkeys(found)), fields), recall.imap.rstrip("/"))


def of_file(recall: Recall, file: Path) -> tuple[Recall, list[str]]:
    """The addresses that a file lists, and how to enter: with their own passwords where it has them."""
    try:
        lines = [line.strip() for line in file.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as fault:
        raise BadInput(f"--accounts: {file} cannot be read: {getattr(fault, 'strerror', '') or fault}") from fault
    listed = [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    found = [address_of(line.partition(":")[0], f"{file}, line {number}") for number, line in listed]
    if not found:
        raise BadInput(f"--accounts: {file} lists nobody")
    own = [":" in line for _, line in listed]
    if any(own) and not all(own):
        number = next(number for (number, _), has in zip(listed, own, strict=True) if not has)
        raise BadInput(f"{file}, line {number}: the other lines have a password, this one has none")
    return (replace(recall, auth="per-account", password_file=str(file)) if any(own) else recall), found


def address_of(text: str, where: str) -> str:
    """An address, folded."""
    try:
        return str(Address.parse(text))
    except ValueError as fault:
        raise BadInput(f"{where}: {fault}") from fault


def all_mailboxes(session: Session) -> list[str]:
    """The mailboxes of everybody who works here, and those of departments."""
    people = session.scalars(select(col(Person.mailbox)).where(col(Person.active)).order_by(col(Person.mailbox)))
    shared = session.scalars(select(col(Department.mailbox)).where(col(Department.mailbox) != "").order_by(col(Department.mailbox)))
    found = [*people, *shared]
    if not found:
        raise BadInput("the directory knows nobody yet: run `mailroom sync`, or name the accounts")
    return found


def in_maildirs(settings: Settings, root: Path, addresses: tuple[str, ...]) -> Place:
    """The Maildirs below a directory, all of them or those of these addresses."""
    if not root.is_dir():
        raise BadInput(f"{root} is no directory")
    only = tuple(address_of(one, "ADDRESS") for one in addresses)
    source = MaildirSource(root.resolve(), settings.company.domains[0], only)
    found = replace(source, only=()).accounts()
    if not found:
        raise BadInput(f"below {root} there is no Maildir whose path names its owner: ADDRESS, DOMAIN/NAME or NAME, perhaps with /Maildir")
    if missing := set(only) - set(found):
        raise BadInput(f"below {root} there is no Maildir of {', '.join(sorted(missing))}")
    return Place(source, f"maildir:{root.resolve()}")


def in_mbox_files(settings: Settings, paths: tuple[Path, ...], owner: str, use: str) -> Place:
    """Returns the source for mbox files, and those below directories."""
    for path in paths:
        if not path.exists():
            raise BadInput(f"{path} is not there")
    source = MboxSource(tuple(path.resolve() for path in paths), settings.company.domains[0], owner and address_of(owner, "--owner"), use)
    found = source.accounts()
    if not found or "" in found:
        raise BadInput("the names of the files do not say whose messages these are: give --owner ADDRESS")
    return Place(source, "mbox")
