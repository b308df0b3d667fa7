"""The company directory: departments, people, distribution lists, recipients, former names, confidential folders."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from triage.store.models.columns import instant_column, json_list_column


class Department(SQLModel, table=True):
    """A department; its code stands in triage addresses."""

    __tablename__ = "department"
    code: str = Field(primary_key=True)
    name: str
    mailbox: str = ""  # takes what is released or redirected to the department; "" when it has none
    roles: list[str] = json_list_column()  # role addresses, as the directory writes them
    responsible: str = ""  # uid


class Person(SQLModel, table=True):
    """Person of the directory."""

    __tablename__ = "person"
    uid: str = Field(primary_key=True)
    name: str
    department: str
    mailbox: str
    aliases: list[str] = json_list_column()
    active: bool = True  # False: has left; nobody is deleted
    manager: str = ""  # uid
    assistants: list[str] = json_list_column()  # uids
    leaver: str = ""  # refuse, manager, folder:CODE; "": as the settings say
    login: str = ""  # what they sign in with; "": their uid
    identity: str = ""  # what the directory knows them by for good, whatever they are called; "": it does not say
    left_at: datetime | None = instant_column(nullable=True)


class FormerName(SQLModel, table=True):
    """Former name of a person or login, for what still has it: settings, and what came in at that moment."""

    __tablename__ = "former_name"
    kind: str = Field(primary_key=True)  # person: a uid; staff: a login
    name: str = Field(primary_key=True)
    now: str = Field(primary_key=True)
    until: datetime = instant_column()
    __table_args__ = (Index("former_name_by_now", "kind", "now"),)


class FormerMailbox(SQLModel, table=True):
    """Former address of a person's mailbox: what was delivered there lies in the present one."""

    __tablename__ = "former_mailbox"
    address: str = Field(primary_key=True)
    until: datetime = instant_column(primary_key=True)
    person: str = Field(index=True)  # uid


class KnownRecipient(SQLModel, table=True):
    """An address that we accept mail for, and where it belongs."""

    __tablename__ = "known_recipient"
    address: str = Field(primary_key=True)  # folded
    kind: str  # postmaster, legacy, triage, alias, role, group; former: a triage address in a department that was left;
    # leaver: of somebody who has left, goes to somebody else; gone: of somebody who has left, is refused
    department: str
    person: str
    mailbox: str
    sub_addressed: bool = False  # accepted with a detail too
    leaver: str = ""  # uid of who had it and has left


class AddressChange(SQLModel, table=True):
    """An address that the directory gives to another owner: it stays with the old one until somebody approves."""

    __tablename__ = "address_change"
    address: str = Field(primary_key=True)
    owner: str  # key of who has it: person:IDENTITY, group:ADDRESS, department:CODE
    owner_shown: str
    claimant: str  # key of who would have it
    claimant_shown: str
    confidential: bool = False  # the folder of one of the two is
    since: datetime = instant_column()
    state: str = "waiting"  # waiting, approved, declined
    settled_by: str = ""
    settled_at: datetime | None = instant_column(nullable=True)


class ConfidentialFolder(SQLModel, table=True):
    """A confidential department or person: a row with the login "" for the seal itself, one for each member of staff who may see in."""

    __tablename__ = "sealed"
    kind: str = Field(primary_key=True)  # department, person
    name: str = Field(primary_key=True)  # code or uid
    login: str = Field(primary_key=True)


class MailGroup(SQLModel, table=True):
    """A distribution list. Who its members are is asked when something leaves for it."""

    __tablename__ = "mail_group"
    address: str = Field(primary_key=True)
    name: str
    department: str  # whose own folder holds its mail
    expand: bool = True
    members: list[str] = json_list_column()  # uids and addresses of ours
    external: list[str] = json_list_column()  # addresses outside
    aliases: list[str] = json_list_column()
    closed: bool = False  # to mail from outside
