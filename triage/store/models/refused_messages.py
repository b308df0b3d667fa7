"""What the SMTP server refused: kept for a while, so that people can be told why a message never came."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import SQLModel

from triage.store.models.columns import id_column, instant_column


class RefusedMessage(SQLModel, table=True):
    """Attempts by one client to send from one sender to one recipient that got the same reply, close together."""

    __tablename__ = "refused_message"
    id: int = id_column()
    at: datetime = instant_column()  # the first of them
    until: datetime = instant_column()  # the last of them
    recipient: str  # folded; "" where it was refused before a recipient was named
    listed: str  # the address of ours that it is, or has a detail of; "" where it is nobody's
    reverse_path: str  # folded; "" is the null reverse-path
    client: str  # IP address, "" where an edge does not tell
    reply: str
    times: int
    __table_args__ = (Index("refused_message_to", "recipient", "at"), Index("refused_message_at", "at"))
