"""Trains a dictionary for message records on generated messages alone, and measures what it saves. `bench/dictionary.py FILE` writes it.

The messages are the demo's morning in twelve forms and 2,000 letters of `rounds/signed_messages.py`, with the zones of both. The
same zstandard makes the same bytes of it each time. A dictionary that has been released is never written again: stored records name it.
"""

import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from itertools import chain
from pathlib import Path

import zstandard

from bench.rounds import printing, signed_messages
from demo.company import DOMAIN, HOSTNAME
from demo.correspondence import write_morning
from demo.keys import Key, read_keys
from demo.zone import zone_text
from mail_auth.authenticate import authenticate_message
from mail_auth.dns.zone_file import ZoneFileResolver
from triage.addressing.envelope import Envelope
from triage.config.settings import Company, Settings
from triage.intake.stages import Arrival, look_at_message, signal_input
from triage.message.summary import make_summary
from triage.store.message_record.dictionaries import LEVEL, NEWEST, file_of
from triage.store.message_record.record_codec import MessageRecord, as_json, pack_record, unpack_record

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
MORNINGS, LETTERS = 12, 2000
SIZE = 32 * 1024  # bytes
SETTINGS = Settings(Company(domains=(DOMAIN,), hostname=HOSTNAME))
Sent = tuple[str, tuple[str, ...], str, bytes]  # reverse-path, recipients, HELO, message


def main() -> int:
    """Train a dictionary into the file that is named, or measure the newest one."""
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_bytes(train_dictionary())
        return 0
    records = list(make_records(seed=1000, mornings=1, number=300))
    began = time.process_time()
    packed = list(map(pack_record, records))
    middle = time.process_time()
    assert list(map(unpack_record, packed)) == records
    ended = time.process_time()
    plain, small = (sum(map(len, some)) / len(records) for some in (map(as_json, records), packed))
    each = 1000 / len(records)
    rows = [(f"{NEWEST}", f"{plain:,.0f}", f"{small:,.0f}", f"{(middle - began) * each:.3f} ms", f"{(ended - middle) * each:.3f} ms")]
    printing.print_table(("dictionary", "bytes of JSON", "bytes", "to write", "to read"), rows)
    printing.print_machine(f"zstandard {zstandard.__version__}, dictionary of {file_of(NEWEST).stat().st_size:,} bytes", others=[])
    return 0


def train_dictionary() -> bytes:
    """The bytes of a dictionary with the next number."""
    samples: list[bytes | bytearray | memoryview[int]] = list(map(as_json, make_records(seed=1, mornings=MORNINGS, number=LETTERS)))
    trained = zstandard.train_dictionary(SIZE, samples, level=LEVEL, dict_id=NEWEST)
    return trained.as_bytes()


def make_records(*, seed: int, mornings: int, number: int) -> Iterator[MessageRecord]:
    """Records of mornings of the demo and of so many letters, as the judge makes them."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as directory:
        keys = read_keys(Path(directory))
        for place, (zone, some) in enumerate(
            (
                (zone_text(keys), chain.from_iterable(write_demo(seed + one, keys) for one in range(mornings))),
                (signed_messages.make_zone(), write_letters(number, seed)),
            )
        ):
            file = Path(directory) / f"{place}.zone"
            file.write_text(zone)
            resolver = ZoneFileResolver(file)
            yield from (make_record(one, resolver, chance) for one in some)


def write_demo(seed: int, keys: Mapping[str, Key]) -> Iterator[Sent]:
    """Yields the messages of one demo morning."""
    for one in write_morning(seed=seed, start=START + timedelta(days=seed)):
        yield one.reverse_path, one.recipients, f"mail.{one.domain}", one.signed(keys)


def write_letters(number: int, seed: int) -> Iterator[Sent]:
    """Letters from fifty domains."""
    for one in signed_messages.make_messages(number, seed):
        yield one.reverse_path, (one.recipient,), f"mail.{one.reverse_path.rpartition('@')[2]}", one.raw


def make_record(sent: Sent, resolver: ZoneFileResolver, chance: random.Random) -> MessageRecord:
    """Make the record of one message as the processor would, with an invented client and ids."""
    reverse_path, recipients, helo, raw = sent
    at = START + timedelta(seconds=chance.randrange(10**7))
    envelope = Envelope(chance.getrandbits(62), at, reverse_path, recipients, "127.0.0.1", helo, tls="TLSv1.3")
    authentication, summary = authenticate_message(envelope, raw, resolver, at), make_summary(raw)
    arrival = Arrival(envelope, raw, authentication, summary)
    seen = look_at_message(signal_input(arrival, SETTINGS, at), raw, at, SETTINGS)
    from_afar = replace(envelope, client=str(IPv4Address(chance.getrandbits(32))))
    signals = [signal.as_json() for some in seen.signs.values() for signal in some]
    return MessageRecord(from_afar.as_json(), authentication.as_json(), seen.summary_row, signals)


if __name__ == "__main__":
    sys.exit(main())
