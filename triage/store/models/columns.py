"""Column types: identities, instants as integers, references, JSON."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Dialect, ForeignKey, Text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from triage.ids import new_id
from triage.say import form_of
from triage.times import from_micros, to_micros

SQLModel.model_config["defer_build"] = True  # no row is ever checked by pydantic, which takes a fifth of the time that the tables do


class Instant(TypeDecorator[datetime]):
    """An aware datetime in code, an integer in the database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)


def id_column() -> Any:
    """A primary key made by us."""
    return Field(default_factory=new_id, sa_column=Column(BigInteger, primary_key=True, autoincrement=False))


def instant_column(*, nullable: bool = False, primary_key: bool = False) -> Any:
    """A column that holds an instant."""
    return Field(default=None if nullable else ..., sa_column=Column(Instant, nullable=nullable, primary_key=primary_key))


def integer_column(
    default: Any = ..., *, nullable: bool = False, index: bool = False, unique: bool = False, primary_key: bool = False
) -> Any:
    """A column of whole numbers of 64 bits, such as ids of rows that need not be there."""
    column = Column(BigInteger, nullable=nullable, index=index, unique=unique, primary_key=primary_key, autoincrement=False)
    return Field(default=None if nullable else default, sa_column=column)


def reference_column(target: str, *, index: bool = False) -> Any:
    """A column that holds the id of a row elsewhere."""
    return Field(sa_column=Column(BigInteger, ForeignKey(target), nullable=False, index=index))


def text_column() -> Any:
    """A column of text that may be NULL."""
    return Field(default=None, sa_column=Column(Text, nullable=True))


def bytewise_column() -> Any:
    """A column of text in the order of its bytes, so that an index finds what begins with something."""
    return Field(sa_column=Column(Text().with_variant(Text(collation="C"), "postgresql"), nullable=False))


def json_column() -> Any:
    """A column of plain JSON values."""
    return Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


def form_column() -> Any:
    """A column of what a stored sentence was made of (`say.form_of`), or of several by the names of their columns; NULL: nobody knows."""
    return Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))


def sentence_columns(name: str, text: str) -> dict[str, Any]:
    """The values of a column of text and of its form column `NAME_form`: a sentence that can be said in another language later."""
    return {name: str(text), f"{name}_form": form_of(text)}


def json_list_column() -> Any:
    """A column of a list of plain JSON values."""
    return Field(default_factory=list, sa_column=Column(JSON, nullable=False))
