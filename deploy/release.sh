#!/usr/bin/env bash
# Makes a release of what is committed here (CONTRIBUTING.md): wheel with the console inside, checksums, parts lists.
#
#   deploy/release.sh build DIRECTORY    into an empty or new directory
#   deploy/release.sh tag                the annotated tag vVERSION, once everything else is well
#
# Both read the version from pyproject.toml. `build` changes nothing here; the same commit makes the same wheel again.
set -euo pipefail
umask 022

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$tree/pyproject.toml")
python=${PYTHON:-python3}

say() { echo "mailroom: $*"; }
fail() { echo "mailroom: $*" >&2; exit 1; }

is_committed() {
    [ -z "$(git -C "$tree" status --porcelain)" ] || fail "commit or remove what git status shows: a release is made of what is committed"
}

is_announced() {
    grep -q "^## $version - [0-9-]*$" "$tree/CHANGELOG.md" || fail "CHANGELOG.md has no heading '## $version - YYYY-MM-DD': give the unreleased part that one"
}

build() {
    local into=$1 place
    is_committed
    [ -z "$(ls -A "$into" 2>/dev/null)" ] || fail "$into is not empty"
    mkdir -p "$into"
    into=$(cd "$into" && pwd)
    place=$(mktemp -d)
    trap "rm -rf '$place'" EXIT
    git clone --quiet --no-local "$tree" "$place/tree"
    cd "$place/tree"
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
    export SOURCE_DATE_EPOCH
    make PYTHON="$python" .venv/.build
    say "building the wheel of $version"
    .venv/bin/python -m pip --disable-pip-version-check --quiet wheel --no-deps --no-build-isolation --wheel-dir "$into" .
    say "installing it as users do"
    "$python" -m venv "$place/users"
    local pip=("$place/users/bin/python" -m pip --disable-pip-version-check --no-input --quiet install --no-deps)
    "${pip[@]}" --no-build-isolation --use-pep517 --require-hashes -r requirements/build.txt
    "${pip[@]}" --no-build-isolation --use-pep517 --require-hashes -r requirements/run.txt
    "$place/users/bin/python" -m pip --disable-pip-version-check --quiet uninstall --yes $(sed -n 's/^\([a-z][a-z0-9-]*\)==.*/\1/p' requirements/build.txt)
    "${pip[@]}" "$into"/mailroom-*.whl
    (cd / && "$place/users/bin/mailroom" --version | grep -qF "$version") || fail "the installed command does not say that it is $version"
    say "listing its parts"
    "$python" -m venv "$place/lister"
    "$place/lister/bin/python" -m pip --disable-pip-version-check --no-input --quiet install --no-deps --require-hashes -r requirements/release.txt
    "$place/lister/bin/cyclonedx-py" environment --output-reproducible --pyproject pyproject.toml --output-file "$into/mailroom-$version.cdx.json" "$place/users/bin/python"
    .venv/bin/python hatch_build.py parts > "$into/mailroom-console-$version.cdx.json"
    cp requirements/run.txt "$into/mailroom-$version-requirements.txt"
    (cd "$into" && sha256sum -- * > SHA256SUMS)
    say "$into:"
    ls -l "$into"
}

tag() {
    is_committed
    is_announced
    git -C "$tree" rev-parse --quiet --verify "refs/tags/v$version" >/dev/null && fail "there is a tag v$version: raise the version in pyproject.toml"
    [ -d "$tree/tests/migrations/releases/$version" ] || fail "tests/migrations/releases holds nothing of $version: make keep-release"
    git -C "$tree" tag --annotate --message "Mailroom $version" "v$version"
    say "tagged v$version: git push origin v$version"
}

case "${1:-}" in
build) [ $# = 2 ] || fail "where to? deploy/release.sh build DIRECTORY"; build "$2" ;;
tag) tag ;;
*) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
