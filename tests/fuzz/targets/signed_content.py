"""Signed content of S/MIME: letters of the attachment in their order, or nothing, whatever the bytes."""

from tests.triage.message.mime.test_smime import DIGESTS, MAIL, OF_DATA, element, endless, streamed, whole
from triage.message.mime.smime import content_of

SEEDS = (
    streamed([MAIL[:10], b"", MAIL[10:]]),
    streamed([MAIL]).replace(DIGESTS, endless(0x31, element(0x30, OF_DATA)), 1),
    whole(element(0x04, MAIL)),
    whole(element(0x24, element(0x24, element(0x04, MAIL[:9])), element(0x04, MAIL[9:]))),
)


def one_input(data: bytes) -> None:
    """`data` is an attachment named smime.p7m."""
    rest = iter(data)
    assert all(letter in rest for letter in content_of(data))
