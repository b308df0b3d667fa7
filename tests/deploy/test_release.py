"""deploy/release.sh: a tag is given to what is committed, announced and kept, once; a signature to what was built."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "release.sh"
NOBODY = {f"GIT_{role}_{what}": f"nobody@{what}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
ENVIRONMENT = {**os.environ, **NOBODY, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A version that is committed, and no more."""
    place = tmp_path / "tree"
    (place / "deploy").mkdir(parents=True)
    shutil.copy(SCRIPT, place / "deploy")
    (place / "pyproject.toml").write_text('version = "9.8.7"\n')
    (place / "CHANGELOG.md").write_text("## Unreleased\n")
    for name in ("__init__.py", "0041_before.py", "0042_now.py"):
        (place / "migrations" / "versions").mkdir(parents=True, exist_ok=True)
        (place / "migrations" / "versions" / name).touch()
    git(place, "init", "--quiet")
    commit(place)
    return place


def git(place: Path, *words: str) -> str:
    """A command of git there; what it prints."""
    return subprocess.run(["git", *words], cwd=place, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout.strip()


def commit(place: Path) -> None:
    """All that is there."""
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--message", "more")


def keep(place: Path, revision: str) -> None:
    """As `make keep-release` leaves it, of this version of the database."""
    kept = place / "tests" / "migrations" / "releases" / "9.8.7"
    kept.mkdir(parents=True, exist_ok=True)
    manifest = json.dumps({"revision": revision, "format": 1}, indent=1).encode()
    with tarfile.open(kept / "sqlite.tar.xz", "w:xz") as archive:
        member = tarfile.TarInfo("backup/manifest.json")
        member.size = len(manifest)
        archive.addfile(member, io.BytesIO(manifest))


def run(place: Path, *words: str) -> tuple[int, str]:
    """The script; its exit code and what it says."""
    done = subprocess.run(["bash", "deploy/release.sh", *words], cwd=place, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def test_a_tag_asks_for_all_that_a_release_is(tree: Path) -> None:
    """A single story: each step mends what the refusal of the one before named."""
    assert "has no heading '## 9.8.7 - YYYY-MM-DD'" in run(tree, "tag")[1]
    (tree / "CHANGELOG.md").write_text("## Unreleased\n\n## 9.8.7 - 2026-12-01\n")
    assert "is made of what is committed" in run(tree, "tag")[1]
    commit(tree)
    assert "holds nothing of 9.8.7 with this version of the database: make keep-release" in run(tree, "tag")[1]
    keep(tree, "0041")
    commit(tree)
    assert "make keep-release" in run(tree, "tag")[1], "what was kept before the last migration"
    keep(tree, "0042")
    commit(tree)
    assert git(tree, "tag") == "", "nothing was tagged so far"
    assert run(tree, "tag") == (0, "mailroom: tagged v9.8.7: git push origin v9.8.7")
    assert (git(tree, "cat-file", "-t", "v9.8.7"), git(tree, "rev-parse", "v9.8.7^{}")) == ("tag", git(tree, "rev-parse", "HEAD"))
    code, said = run(tree, "tag")
    assert (code, "there is a tag v9.8.7" in said) == (1, True)


def test_a_release_is_built_into_an_empty_place_from_what_is_committed(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "old.whl").touch()
    code, said = run(tree, "build", str(tmp_path / "dist"))
    assert (code, "is not empty" in said) == (1, True)
    (tree / "new").touch()
    code, said = run(tree, "build", str(tmp_path / "other"))
    assert (code, "is made of what is committed" in said, (tmp_path / "other").exists()) == (1, True, False)


@pytest.mark.parametrize("words", [(), ("build",), ("sign", "dist"), ("tag", "now"), ("publish",)], ids=" ".join)
def test_it_says_how_it_is_used(tree: Path, words: tuple[str, ...]) -> None:
    code, said = run(tree, *words)
    assert (code, "build DIRECTORY [KEY]" in said, "tag" in said) == (2, True, True)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Directory that stands for a release that was built and is not signed."""
    place = tmp_path / "dist"
    place.mkdir()
    (place / "one.whl").write_bytes(b"wheel")
    sums = subprocess.run(["sha256sum", "one.whl"], cwd=place, check=True, capture_output=True, text=True).stdout
    (place / "SHA256SUMS").write_text(sums)
    return place


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """The publisher's."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ana@desk", "-f", tmp_path / "publisher"], check=True)
    return tmp_path / "publisher"


def test_who_has_the_publisher_s_line_checks_the_signature_as_the_page_says(tree: Path, built: Path, key: Path) -> None:
    verify, check = re.findall(
        r"^(?:ssh-keygen|sha256sum) .*$", (SCRIPT.parents[1] / "docs" / "how-to" / "release.md").read_text(), re.MULTILINE
    )
    code, said = run(tree, "sign", str(built), str(key))
    (line,) = [line for line in said.splitlines() if line.startswith("mailroom namespaces")]
    assert (code, "ana@desk" in line) == (0, False)
    (built / "allowed_signers").write_text(f"{line}\n")
    assert [types(built, command) for command in (verify, check)] == [0, 0]
    assert types(built, verify.replace("mailroom-release", "file")) != 0, "it counts for a release and nothing else"
    (built / "one.whl").write_bytes(b"another wheel")
    assert [types(built, command) == 0 for command in (verify, check)] == [True, False]
    (built / "SHA256SUMS").write_text((built / "SHA256SUMS").read_text().replace("one", "two"))
    assert types(built, verify) != 0


def types(place: Path, command: str) -> int:
    """The exit code of a line of the page, typed there."""
    return subprocess.run(["bash", "-c", command], cwd=place, capture_output=True, check=False).returncode


def test_nothing_else_than_what_was_built_is_signed(tree: Path, built: Path, key: Path, tmp_path: Path) -> None:
    assert "there is no public key" in run(tree, "sign", str(built), str(tmp_path / "gone"))[1]
    assert "holds no SHA256SUMS" in run(tree, "sign", str(tmp_path), str(key))[1]
    (built / "one.whl").write_bytes(b"another wheel")
    code, said = run(tree, "sign", str(built), str(key))
    assert (code, "is not what was built" in said) == (1, True)
    assert not (built / "SHA256SUMS.sig").exists()


def test_the_debian_package_is_of_this_version() -> None:
    tree = SCRIPT.parents[1]
    (version,) = re.findall(r'^version = "(.*)"$', (tree / "pyproject.toml").read_text(), re.MULTILINE)
    assert (tree / "debian" / "changelog").read_text().startswith(f"mailroom ({version}~deb13) trixie;")


def test_a_key_that_is_missing_is_noticed_before_anything_is_built(tree: Path, tmp_path: Path) -> None:
    code, said = run(tree, "build", str(tmp_path / "dist"), str(tmp_path / "gone"))
    assert (code, "there is no public key" in said, (tmp_path / "dist").exists()) == (1, True, False)


def test_the_page_of_changes_is_the_version_s_own_part(tree: Path) -> None:
    """The unreleased part, as long as the version has no heading."""
    changes = tree / "CHANGELOG.md"
    changes.write_text("# Changelog\n\n## Unreleased\nnew\n### Added\n- more\n\n## 9.8.6 - 2026-11-01\nold\n")
    assert run(tree, "changes")[1] == "## Unreleased\nnew\n### Added\n- more"
    changes.write_text("# Changelog\n\n## Unreleased\nlater\n\n## 9.8.7 - 2026-12-01\nnew\n\n## 9.8.6 - 2026-11-01\nold\n")
    assert run(tree, "changes")[1] == "## 9.8.7 - 2026-12-01\nnew"
    changes.write_text("## Unreleased\na\n[long\nname](docs/index.md) ([page](docs/how-to/release.md)), [elsewhere](https://x.example)\n")
    assert (
        run(tree, "changes")[1]
        == "## Unreleased\na\nlong\nname (`docs/index.md`) (page: `docs/how-to/release.md`), [elsewhere](https://x.example)"
    )


def test_the_list_says_what_is_done_and_what_is_left(tree: Path, built: Path, key: Path) -> None:
    def boxes() -> str:
        return "".join(line[1] for line in run(tree, "checklist", str(built))[1].splitlines()[1:])

    #          heading, kept, built, package, image, signed, tests, tagged, published
    assert boxes() == "  x      "
    run(tree, "sign", str(built), str(key))
    assert boxes() == "  x  x   "
    (tree / "CHANGELOG.md").write_text("## 9.8.7 - 2026-12-01\n")
    keep(tree, "0042")
    commit(tree)
    run(tree, "tag")
    assert boxes() == "xxx  x x "


def test_the_parts_of_the_console_are_listed() -> None:
    """As `build` writes them beside the wheel: CycloneDX, with name and version of each, the same each time."""
    made = subprocess.run([sys.executable, "hatch_build.py", "parts"], cwd=SCRIPT.parents[1], capture_output=True, text=True, check=True)
    bill = json.loads(made.stdout)
    assert (bill["bomFormat"], "serialNumber" in bill, "timestamp" in bill["metadata"]) == ("CycloneDX", False, False)
    assert {"svelte", "vite"} <= {part["name"] for part in bill["components"]}
    assert [part for part in bill["components"] if not part["version"]] == []
