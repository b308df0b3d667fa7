"""A bare Debian of the distribution's own packages in a directory, without node, compiler or anything of this machine."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.peers import processes

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
NO_DOCS = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale", "info")]  # as debian:trixie-slim
NEVER_START = "#!/bin/sh\nexit 101\n"  # services of packages: policy-rc.d(8)


@dataclass(frozen=True, slots=True)
class BareDebian:
    """A root directory, used by chroot. It shares the network, and the way to the package index, with this machine."""

    root: Path

    def types(self, command: str, place: str = "/srv") -> subprocess.CompletedProcess[str]:
        """Types a block of shell commands there, as root, in the directory `place`."""
        script = f"cd {place}\n{command}"
        index = {
            name: value for name, value in os.environ.items() if name.startswith("PIP_") and name not in ("PIP_FIND_LINKS", "PIP_CERT")
        }
        environment = {"PATH": os.defpath + ":/usr/sbin:/sbin", "HOME": "/root", "LC_ALL": "C.UTF-8", "PIP_CERT": CERTIFICATES, **index}
        return subprocess.run(
            ["chroot", self.root, "bash", "-euo", "pipefail", "-c", script],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=10 * processes.HANG,
            check=False,
        )


@contextlib.contextmanager
def make_root(directory: Path, *packages: str, has_docs: bool = True) -> Iterator[BareDebian]:
    """This machine's release of Debian with essential packages and those named, in `directory`, which must not exist; takes a minute."""
    mmdebstrap = processes.need("mmdebstrap", "mmdebstrap")
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    command = [
        mmdebstrap,
        "--quiet",
        "--variant=minbase",
        *(() if has_docs else NO_DOCS),
        f"--include={','.join(('ca-certificates', *packages))}",
    ]
    try:
        subprocess.run([*command, release["VERSION_CODENAME"], directory], check=True, capture_output=True, timeout=10 * processes.HANG)
        (directory / "usr" / "sbin" / "policy-rc.d").write_text(NEVER_START)
        (directory / "usr" / "sbin" / "policy-rc.d").chmod(0o755)
        shutil.copy("/etc/resolv.conf", directory / "etc" / "resolv.conf")
        shutil.copy(CERTIFICATES, directory / CERTIFICATES.lstrip("/"))
        yield BareDebian(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
