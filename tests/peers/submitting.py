"""Programs of this machine that send by `mailroom-submit`: other users, with the system's own interpreter."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.peers.processes import HANG

ROOT = Path(__file__).parents[2]
RUN = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from mta.outbound.submit_command import main; sys.exit(main())"
GROUP = 64_321  # may write to the directory; nobody's otherwise


@contextmanager
def make_drop(group: int = GROUP) -> Iterator[Path]:
    """A submission spool that other users reach: they do not reach what pytest makes."""
    above = Path(tempfile.mkdtemp(prefix="mailroom-submit-"))
    above.chmod(0o755)
    drop = above / "drop"
    drop.mkdir()
    os.chown(drop, -1, group)
    drop.chmod(0o3730)
    try:
        yield drop
    finally:
        shutil.rmtree(above)


def submit_as(uid: int, drop: Path, text: bytes, *words: str, groups: tuple[int, ...] = (GROUP,)) -> "subprocess.CompletedProcess[bytes]":
    """Run `mailroom-submit` as this user."""
    return run_as(uid, drop, ["-c", RUN, *words], text, groups)


def run_as(uid: int, drop: Path, words: list[str], text: bytes, groups: tuple[int, ...] = (GROUP,)) -> "subprocess.CompletedProcess[bytes]":
    """Run the system's interpreter as this user."""
    return subprocess.run(
        ["/usr/bin/python3", "-I", *words],
        input=text,
        capture_output=True,
        timeout=HANG,
        check=False,
        user=uid,
        group=uid,
        extra_groups=groups,
        umask=0o077,
        env={"MAILROOM_SUBMIT_DIRECTORY": str(drop), "PATH": "/usr/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
    )
