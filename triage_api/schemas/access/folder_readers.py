"""Schemas of folder readers: who can read a folder."""

from typing import Annotated

from pydantic import Field

from triage_api.schemas.fields import Shape
from triage_api.schemas.language import Sentence
from triage_api.schemas.vocabulary import FolderAccess, ReaderKind


class Reader(Shape):
    """A person who reads the messages of a folder, or sees how many are held in it."""

    kind: Annotated[ReaderKind, Field(description="`account`: on the IMAP server, by `mirror.departments`")]
    name: Annotated[str, Field(description="login, id of a token, or address of the account")]
    shown: Annotated[str, Field(description="full name, or what the token is for")]
    role: Annotated[str, Field(description="empty for an account; an auditor reads and decides nothing")]
    access: Annotated[FolderAccess, Field(description="`count`: only how many messages are held")]
    why: Sentence


class FolderReaders(Shape):
    """Readers of a folder; those who read its messages come first."""

    folder: Annotated[str, Field(description="`department:CODE` or `person:UID`")]
    name: str
    confidential: Annotated[list[str], Field(description="confidential folders that it is or lies in; empty: it is not confidential")]
    readers: list[Reader]
    notes: Annotated[list[Sentence], Field(description="who else reads it, in sentences")]
