"""Recipient: whom here an address of an envelope means, as a value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipient:
    """Recipient of a delivery, as the directory resolved the envelope recipient."""

    address: str  # as in the envelope, folded
    department: str  # "" for postmaster and abuse
    person: str  # uid, "" for a department's shared folder
    mailbox: str  # where a released copy goes
    always: bool = False  # postmaster@ and abuse@: delivered whatever the rules say
    bounce: str = ""  # "ours": an address that we made for bounces of what we sent on; "forged": one that only looks like it
    listed: str = ""  # the directory's address that it led to; "" when it leads nowhere any more
    detail: str = ""  # of a sub-address, as the sender spelled it
    note: str = ""  # what staff should know about the address
    redirected_by: int | None = None  # the redirect rule that chose the mailbox
    stray: bool = False  # nobody here has the address any more: they left while the message came in
