"""Claim: finding out who sent a message costs less processor time than what it stands on, and no hostile message more than half a second.

SPF, DKIM (RSA-2048, relaxed/relaxed), ARC and DMARC of signed mail, with every answer in the resolver's cache, against stock
dkimpy and pyspf (which make no DMARC of it) and against OpenDKIM (DKIM alone, in C), all without a network and in one process.
"""

import contextlib
import functools
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

sys.path[:] = [one for one in sys.path if Path(one) != Path(__file__).parent]  # this file is not the package mail_auth

import dkim as dkimpy  # type: ignore[import-untyped]
import spf as pyspf  # type: ignore[import-untyped]

from bench.rounds import goals, printing, processor
from bench.rounds.alternating import Sample, measure_medians
from mail_auth.authenticate import authenticate_message
from mail_auth.dns.dns_client import NetworkResolver
from mail_auth.dns.query_budget import Record, Resolver
from tests.mail_auth import hostile
from tests.mail_auth.answers import Answers
from tests.mail_auth.signing import HEADER, published, signed
from tests.peers import processes
from triage.addressing.envelope import Envelope

ROUNDS = 5
SIZES = {"5 KB": (5_000, 300), "20 KB": (20_000, 200), "50 KB": (50_000, 100), "5 MB": (5_000_000, 3)}  # bytes, messages a run
CLIENT = "192.0.2.1"
ZONE: dict[str, Record | list[Record]] = {
    "s._domainkey.example.com": published(),
    "_dmarc.example.com": "v=DMARC1; p=reject",
    "example.com": "v=spf1 include:spf.example.net -all",
    "spf.example.net": f"v=spf1 ip4:198.51.100.0/24 ip4:{CLIENT} -all",
    "mx.example.com": "v=spf1 a -all",
    "mx.example.com A": CLIENT,
}
NOW = datetime.now(UTC)
ENVELOPE = Envelope(1, NOW, "ana@example.com", ("bob@company.example",), CLIENT, "mx.example.com")


def main() -> int:
    """Measure and print."""
    watch = processor.Watch(())
    with processes.short_directory("mail-auth") as directory:
        for size, (length, messages) in SIZES.items():
            raw = make_message(length)
            (directory / f"{length}.eml").write_bytes(raw)
            contenders: dict[str, Callable[[], Sample]] = {
                "mailroom": functools.partial(run_ours, raw, messages, make_resolver()),
                "dkimpy and pyspf": functools.partial(run_stock, raw, messages),
            }
            if shutil.which("opendkim"):
                contenders["OpenDKIM, DKIM alone"] = functools.partial(run_opendkim, directory, length, messages)
            figures = measure_medians(contenders, ROUNDS)
            print_report(size, figures)
            if size == "20 KB":
                usual = figures["mailroom"]["cpu"]
    _, _, others = watch.stop()
    worst = hostile_milliseconds()
    name, most = max(worst.items(), key=lambda one: one[1])
    median = statistics.median(worst.values())
    print(f"{len(worst)} hostile inputs: at most {most:.0f} ms ({name}), median {median:.0f} ms\n")
    goals.print_goals({"mail_auth.cpu": usual, "mail_auth.hostile": most})
    versions = [f"{name} {metadata.version(name)}" for name in ("dkimpy", "pyspf", "cryptography", "dnspython")]
    printing.print_machine(*versions, opendkim_version(), others=[others])
    return 0


def make_message(length: int) -> bytes:
    """A signed message of about this size."""
    line = b"Text of a letter as people write it,  with words and spaces between.\r\n"
    return signed(HEADER + b"Message-ID: <1@example.com>\r\n\r\n" + line * (length // len(line)))


def make_resolver() -> NetworkResolver:
    """A resolver that knows all answers already and has nobody to ask."""
    resolver = NetworkResolver(["127.0.0.1:9"])
    answers = Answers(ZONE)
    authenticate_message(ENVELOPE, make_message(1000), answers, NOW)
    for asked in tuple(answers.asked):
        name, _, rdtype = asked.rpartition(" ")
        resolver.cache.put((name, rdtype.upper()), answers.query(name, rdtype.upper(), 0), 3600)
    return resolver


def run_ours(raw: bytes, messages: int, resolver: Resolver) -> Sample:
    """Measures one run of our own authentication."""
    with measure_processor(messages) as taken:
        for _ in range(messages):
            result = authenticate_message(ENVELOPE, raw, resolver, NOW)
    assert (result.proof, result.dmarc.aligned) == ("dmarc", ("spf", "dkim")), result
    return taken


def run_stock(raw: bytes, messages: int) -> Sample:
    """Measures one run of unchanged dkimpy and pyspf, with DNS answers from a table."""
    answers = Answers(ZONE)

    def lookup(name: str, qtype: str, strict: bool = True, timeout: float = 0) -> list[tuple[tuple[str, str], object]]:
        return [((name, qtype), (record,) if isinstance(record, bytes) else record) for record in answers.query(name, qtype, 0)]

    def key(name: bytes, timeout: float = 5) -> bytes:
        record = answers.query(name.decode().rstrip("."), "TXT", 0)[0]
        assert isinstance(record, bytes)
        return record

    ours_again, pyspf.DNSLookup = pyspf.DNSLookup, lookup
    try:
        with measure_processor(messages) as taken:
            for _ in range(messages):
                verdicts = pyspf.check2(CLIENT, "ana@example.com", "mx.example.com")[0], dkimpy.verify(raw, dnsfunc=key)
    finally:
        pyspf.DNSLookup = ours_again
    assert verdicts == ("pass", True), verdicts
    return taken


def run_opendkim(directory: Path, length: int, messages: int) -> Sample:
    """Measures one run of OpenDKIM's filter over files, less its time to start."""
    (directory / "keys").write_text(f"s._domainkey.example.com {published()}\n")
    (directory / "opendkim.conf").write_text(f"Mode v\nSyslog no\nTestPublicKeys {directory}/keys\n")
    empty = directory / "one.eml"
    empty.write_bytes(b"From: a@b.example\r\n\r\n\r\n")
    start = child_milliseconds(directory, [empty])
    used = child_milliseconds(directory, [directory / f"{length}.eml"] * messages)
    return {"cpu": max(0.0, used - start) / messages}


def child_milliseconds(directory: Path, files: list[Path]) -> float:
    """Processor time of one OpenDKIM over these files."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["opendkim", "-x", str(directory / "opendkim.conf"), "-v", "-t", ",".join(map(str, files))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert len(files) == 1 or done.stdout.count("succeeded") == len(files), done.stdout[:500]
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


@contextlib.contextmanager
def measure_processor(messages: int) -> Iterator[dict[str, float]]:
    """Fills in the processor time a message of what is done meanwhile."""
    taken: dict[str, float] = {}
    begun = time.process_time()
    yield taken
    taken["cpu"] = (time.process_time() - begun) * 1000 / messages


def hostile_milliseconds() -> dict[str, float]:
    """Measure the time that each hostile input costs us, once, in milliseconds."""
    inputs = {name: (make(), Answers(ZONE)) for name, make in hostile.MESSAGES.items()}
    good = make_message(1000)
    inputs |= {name: (good, Answers(ZONE | zone)) for name, zone in hostile.ZONES.items()}
    taken = {}
    for name, (raw, answers) in inputs.items():
        with measure_processor(1) as one:
            authenticate_message(ENVELOPE, raw, answers, NOW)
        taken[name] = one["cpu"]
    return taken


def opendkim_version() -> str:
    """The version, or that there is none here."""
    if not shutil.which("opendkim"):
        return "no OpenDKIM here: apt-get install opendkim"
    return subprocess.run(["opendkim", "-V"], capture_output=True, text=True, check=True).stdout.split("\n")[0].removeprefix("opendkim: ")


def print_report(size: str, figures: dict[str, dict[str, float]]) -> None:
    """The table of one size."""
    own = figures["mailroom"]["cpu"]
    rows = [(name, f"{taken['cpu']:.3f}", printing.format_ratio(taken["cpu"], own)) for name, taken in figures.items()]
    printing.print_table((size, "CPU ms/message", "to mailroom"), rows)


if __name__ == "__main__":
    sys.exit(main())
