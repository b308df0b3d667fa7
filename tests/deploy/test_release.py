"""deploy/release.sh: a tag is given to what is committed, announced and kept, once."""

import json
import os
import shutil
import subprocess
import sys
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
    assert "holds nothing of 9.8.7: make keep-release" in run(tree, "tag")[1]
    kept = tree / "tests" / "migrations" / "releases" / "9.8.7"
    kept.mkdir(parents=True)
    (kept / "sqlite.tar.xz").write_bytes(b"kept")
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


def test_it_says_how_it_is_used(tree: Path) -> None:
    code, said = run(tree)
    assert (code, "build DIRECTORY" in said) == (2, True)


def test_the_parts_of_the_console_are_listed() -> None:
    """As `build` writes them beside the wheel: CycloneDX, with name and version of each."""
    made = subprocess.run([sys.executable, "hatch_build.py", "parts"], cwd=SCRIPT.parents[1], capture_output=True, text=True, check=True)
    bill = json.loads(made.stdout)
    assert bill["bomFormat"] == "CycloneDX"
    assert {"svelte", "vite"} <= {part["name"] for part in bill["components"]}
    assert [part for part in bill["components"] if not part["version"]] == []
