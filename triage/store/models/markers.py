"""Named numbers that processes compare."""

from sqlmodel import Field, SQLModel

from triage.store.models.columns import integer_column


class Marker(SQLModel, table=True):
    """A named number that processes compare: versions of directory and rules, the sealer's head, leases."""

    __tablename__ = "marker"
    name: str = Field(primary_key=True)
    number: int = integer_column(0)
    text: str = ""
