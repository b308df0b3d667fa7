"""Table of libraries in docs/reference/libraries.md: made of reasons.toml, the lock file and the installed metadata."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "libraries.md"
BEGIN, END = "<!-- what is on record: tests.reference writes it -->\n", "<!-- that was it -->"
PINNED = re.compile(r"^([a-z0-9-]+)==([^ ]+)( ; sys_platform == 'win32')?", re.MULTILINE)
EXPRESSIONS = {  # licences as metadata of before PEP 639 names them
    "Apache License, Version 2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "BSD license": "BSD-3-Clause",
    "BSD-like": "Zlib",
    "LGPL v3": "LGPL-3.0-only",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
}
UNSTATED = {"imapclient": "BSD-3-Clause"}  # as its file COPYING says, and its metadata do not


def locked() -> dict[str, str]:
    """Distributions that an installation on Linux gets, with their versions."""
    found = PINNED.findall((ROOT / "requirements" / "run.txt").read_text("utf-8"))
    return {name: version for name, version, elsewhere in found if not elsewhere}


def licence_of(name: str) -> str:
    """The SPDX expression of an installed distribution; what its metadata say when they name none."""
    said = metadata.metadata(name)
    classes = [one.rpartition(" :: ")[2] for one in said.get_all("Classifier") or () if one.startswith("License :: OSI Approved ::")]
    fields = (said.get_all("License-Expression"), said.get_all("License"), [UNSTATED.get(name, "")], ["; ".join(classes)])
    stated = next((one[0] for one in fields if one and one[0]), "")
    return EXPRESSIONS.get(stated, EXPRESSIONS.get(stated.partition(" (see ")[0], stated))


def needed_by(name: str) -> list[str]:
    """Locked distributions that ask for it."""
    return [other for other in locked() if name in requirements_of(other)]


def requirements_of(name: str) -> set[str]:
    """Names that a distribution asks for, extras too."""
    return {re.split(r"[^A-Za-z0-9._-]", one)[0].lower().replace("_", "-") for one in metadata.requires(name) or ()}


def reasons() -> dict[str, dict[str, str]]:
    """Reasons of the libraries that were not named for this project."""
    return tomllib.loads(Path(__file__).with_name("reasons.toml").read_text("utf-8"))


def page() -> str:
    """The page with its table made again."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    ours = reasons()
    others = [name for name in locked() if name not in ours and name not in before]
    table = [
        "| library | here | last release | licence |\n|---|---|---|---|\n",
        *(f"| {name} | {one['here']} | {one['released']} | {licence_of(name)} |\n" for name, one in ours.items()),
        "\nThese come with them:\n\n| library | for | licence |\n|---|---|---|\n",
        *(f"| {name} | {', '.join(needed_by(name))} | {licence_of(name)} |\n" for name in others),
    ]
    return before + BEGIN + "".join(table) + END + rest.partition(END)[2]
