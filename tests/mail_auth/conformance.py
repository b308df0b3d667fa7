"""Prints what the conformance suites of others say about us: `python -m tests.mail_auth.conformance DIRECTORY`.

DIRECTORY holds auth-suites.tar.gz and the archives of real mail (what MAILROOM_CORPUS names). Exit code 0: every case is right,
argued against the RFC in one line, or out of scope by name; 1: something is wrong.
"""

import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mail_auth.suites import arc, dkim, dkim_again, dmarc, real_mail, spf
from tests.mail_auth.suites.counting import Count, counted

SUITES = (*spf.SUITES, *arc.SUITES, *dkim.SUITES, *dkim_again.SUITES, *dmarc.SUITES, *real_mail.SUITES)
USAGE = 2


@contextmanager
def unpacked(corpus: Path) -> Iterator[Path]:
    """The directory of the suites, beside links to the archives of mail."""
    with tempfile.TemporaryDirectory(prefix="mailroom-suites-") as directory:
        for archive in corpus.glob("*.tar.gz"):
            (Path(directory) / archive.name).symlink_to(archive.resolve())
        with tarfile.open(corpus / "auth-suites.tar.gz") as packed:
            packed.extractall(directory, filter="data")
        yield Path(directory) / "auth-suites"


def shown(counts: list[Count]) -> Iterator[str]:
    """The table, then every case that is not plainly right with its reason."""
    yield f"{'suite':32}{'cases':>7}{'right':>7}{'argued':>8}{'beyond':>8}{'wrong':>7}"
    for count in counts:
        numbers = (count.cases, count.right, len(count.argued), len(count.beyond), len(count.wrong))
        yield "{:32}{:>7}{:>7}{:>8}{:>8}{:>7}".format(count.suite.name, *numbers)
    for count in counts:
        for why in dict.fromkeys(count.suite.argued[case.name] for case in count.argued):
            names = "; ".join(case.name for case in count.argued if count.suite.argued[case.name] == why)
            yield f"argued: {count.suite.name}: {why}: {names}"
        for why, number in Counter(case.beyond for case in count.beyond).items():
            yield f"out of scope: {count.suite.name}: {number} messages: {why}"
        for fault in count.faults:
            yield f"WRONG: {count.suite.name}: {fault}"


def main() -> int:
    """Run all suites and print what came out."""
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "auth-suites.tar.gz").is_file():
        sys.stderr.write("python -m tests.mail_auth.conformance DIRECTORY: the directory that holds auth-suites.tar.gz\n")
        return USAGE
    with unpacked(Path(sys.argv[1])) as directory:
        counts = [counted(suite, directory) for suite in SUITES]
    sys.stdout.writelines(f"{line}\n" for line in shown(counts))
    return 1 if any(count.faults for count in counts) else 0


if __name__ == "__main__":
    sys.exit(main())
