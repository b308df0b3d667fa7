#!/usr/bin/env bash
# Makes a release of what is committed here (CONTRIBUTING.md): wheel and sdist with the console inside, parts lists, checksums.
#
#   deploy/release.sh build DIRECTORY [KEY]    into an empty or new directory; signed where an ssh key is named
#   deploy/release.sh package DIRECTORY        adds the Debian package, on the Debian that it is for; it is to be signed again
#   deploy/release.sh image DIRECTORY [BASE]   adds the image, built by podman on the base of that name; it is to be signed again
#   deploy/release.sh sign DIRECTORY KEY       what was built, also later and elsewhere
#   deploy/release.sh changes                  the page of CHANGELOG.md about this version
#   deploy/release.sh checklist DIRECTORY      what is done and what is left to do
#   deploy/release.sh tag                      the annotated tag vVERSION, once everything else is well
#
# All read the version from pyproject.toml. `build` changes nothing here; the same commit makes the same files again.
set -euo pipefail
umask 022

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$tree/pyproject.toml")
python=${PYTHON:-python3}
purpose=mailroom-release # a signature for anything else is none of a release

say() { echo "mailroom: $*"; }
fail() { echo "mailroom: $*" >&2; exit 1; }

is_committed() {
    [ -z "$(git -C "$tree" status --porcelain)" ] || fail "commit or remove what git status shows: a release is made of what is committed"
}

is_announced() {
    has_page || fail "CHANGELOG.md has no heading '## $version - YYYY-MM-DD': give the unreleased part that one"
}

is_kept() { # with the database as it is now: what was kept before a later migration is no longer what this version leaves
    local newest
    newest=$(find "$tree/migrations/versions" -name '[0-9]*.py' -printf '%f\n' | sort | sed -n '$s/_.*//p')
    tar --extract --to-stdout --file "$tree/tests/migrations/releases/$version/sqlite.tar.xz" backup/manifest.json 2>/dev/null | grep -q "\"revision\": \"$newest\""
}
is_tagged() { git -C "$tree" rev-parse --quiet --verify "refs/tags/v$version" >/dev/null; }
has_page() { grep -q "^## $version - [0-9-]*$" "$tree/CHANGELOG.md"; }

find_key() { # the public half, by which ssh-keygen also signs with a key that an agent or a token holds
    [ -f "${1%.pub}.pub" ] || fail "there is no public key ${1%.pub}.pub: name an ssh key (ssh-keygen -t ed25519 makes one)"
}

quiet_pip() { "$python" -m pip --disable-pip-version-check --no-input --quiet "$@"; }

build() {
    local into=$1 key=${2:-} place made
    [ -z "$key" ] || find_key "$key"
    is_committed
    [ -z "$(ls -A "$into" 2>/dev/null)" ] || fail "$into is not empty"
    place=$(mktemp -d)
    trap "rm -rf '$place'" EXIT
    made=$place/dist
    mkdir "$made"
    git clone --quiet --no-local "$tree" "$place/tree"
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$place/tree" log -1 --format=%ct)}
    export SOURCE_DATE_EPOCH
    (cd "$place/tree" && make PYTHON="$python" .venv/.build)
    python=$place/tree/.venv/bin/python
    build_ours "$place" "$made"
    build_wheels_of_sdists "$place" "$made"
    lock_requirements "$place/tree/requirements/run.txt" "$made" >"$made/mailroom-$version-requirements.txt"
    install_and_list "$place" "$made"
    print_changes >"$made/mailroom-$version-changes.md"
    sum_up "$made" >"$place/SHA256SUMS"
    mkdir -p "$into"
    cp -r "$made/." "$place/SHA256SUMS" "$into" # all of it or nothing
    [ -z "$key" ] || sign "$into" "$key"
    print_checklist "$into"
}

build_ours() { # the sdist with the console inside, and from it, without node, the wheel
    say "building sdist and wheel of $version"
    (cd "$1/tree" && "$python" -m hatchling build --target sdist --directory "$2" >/dev/null)
    tar --extract --file "$2/mailroom-$version.tar.gz" --directory "$1"
    (cd "$1/mailroom-$version" && "$python" -m hatchling build --target wheel --directory "$2" >/dev/null)
}

build_wheels_of_sdists() { # of dependencies that come as source only, so that nobody else has to build anything
    local sdist
    say "building wheels of what comes as source only"
    quiet_pip download --no-deps --no-build-isolation --require-hashes --dest "$1/parts" -r "$1/tree/requirements/run.txt"
    mkdir "$2/wheels"
    for sdist in "$1"/parts/*.tar.gz; do # not from the cache: that may hold a wheel of another hour
        quiet_pip wheel --use-pep517 --no-cache-dir --no-index --no-deps --no-build-isolation --wheel-dir "$2/wheels" "$sdist"
    done
    [ -z "$(find "$2/wheels" -type f ! -name '*-none-any.whl')" ] || fail "a wheel fits this machine only: $(ls "$2/wheels")"
}

lock_requirements() { # the lock file, in which the wheels beside it have their places
    local wheel sums=
    for wheel in "$2"/wheels/*.whl "$2/mailroom-$version-py3-none-any.whl"; do
        sums+="$(basename "$wheel" | cut -d- -f1 | tr _ -) $(sha256sum <"$wheel" | cut -d' ' -f1) "
    done
    printf '%s\n' "--find-links ." "--find-links wheels"
    awk -v sums="$sums" -v version="$version" '
        BEGIN { n = split(sums, s, " "); for (i = 1; i < n; i += 2) ours[s[i]] = s[i + 1] }
        /^[a-z0-9]/ { split($0, part, "[=\\[]"); given = part[1] in ours; print; if (given) print "    --hash=sha256:" ours[part[1]]; next }
        !given
        END { print "mailroom==" version " \\\n    --hash=sha256:" ours["mailroom"] }' "$1"
}

install_and_list() { # as users do, without the network; the parts list is of what they get
    local users=$1/users
    say "installing it as users do"
    "$python" -m venv --without-pip "$users"
    quiet_pip --python "$users/bin/python" install --no-index --find-links "$1/parts" --require-hashes -r "$2/mailroom-$version-requirements.txt"
    (cd / && "$users/bin/mailroom" --version | grep -qF "$version") || fail "the installed command does not say that it is $version"
    say "listing its parts"
    "$python" -m venv --without-pip "$1/lister"
    quiet_pip --python "$1/lister/bin/python" install --no-deps --require-hashes -r "$1/tree/requirements/release.txt"
    "$1/lister/bin/cyclonedx-py" environment --output-reproducible --pyproject "$1/tree/pyproject.toml" --output-file "$2/mailroom-$version.cdx.json" "$users/bin/python"
    (cd "$1/tree" && "$python" hatch_build.py parts) >"$2/mailroom-console-$version.cdx.json"
}

sum_up() { (cd "$1" && find . -type f ! -name 'SHA256SUMS*' -printf '%P\n' | LC_ALL=C sort | xargs sha256sum --); }

begin_addition() { # into: what was built; place: room to work in, both of whoever calls
    is_whole "$1"
    into=$(cd "$1" && pwd)
    place=$(mktemp -d)
    trap "rm -rf '$place'" EXIT
}

package() {
    local into place
    is_committed
    command -v dh >/dev/null || fail "the package is built with debhelper: apt-get install debhelper dpkg-dev python3-venv"
    begin_addition "$1"
    git clone --quiet --no-local "$tree" "$place/tree"
    (cd "$place/tree" && RELEASE=$into dpkg-buildpackage --build=binary --no-sign >"$place/log" 2>&1) || { tail -n 30 "$place/log" >&2; fail "the package was not built"; }
    rm -f "$into"/*.deb
    cp "$place"/*.deb "$into"
    sum_up_again "$into"
}

sum_up_again() { # something was added
    rm -f "$1/SHA256SUMS.sig"
    sum_up "$1" >"$place/SHA256SUMS" && cp "$place/SHA256SUMS" "$1"
    print_checklist "$1"
}

image() { # of the sdist, which has the console; PODMAN_BUILD: further options, such as --isolation=chroot
    local into base more place
    is_committed
    command -v podman >/dev/null || fail "the image is built with podman: apt-get install podman"
    begin_addition "$1"
    base=$(pin_base "${2:-docker.io/library/debian:trixie-slim}")
    say "building the image on $base"
    tar --extract --file "$into/mailroom-$version.tar.gz" --directory "$place"
    rm -f "$place/mailroom-$version/.dockerignore" # there the console is built again
    read -ra more <<<"${PODMAN_BUILD:-}"
    podman build --format docker --build-arg "BASE=$base" "${more[@]}" --tag "localhost/mailroom:$version" "$place/mailroom-$version" >"$place/log" 2>&1 ||
        { tail -n 30 "$place/log" >&2; fail "the image was not built"; }
    rm -f "$into"/mailroom-*-image.tar
    podman save --quiet --output "$into/mailroom-$version-image.tar" "localhost/mailroom:$version"
    sum_up_again "$into"
}

pin_base() { # the same image by its digest, so that nobody can exchange it
    podman pull --quiet "$1" >/dev/null 2>&1 || podman image exists "$1" || fail "there is no image $1: name another as BASE"
    echo "${1%:*}@$(podman image inspect --format '{{.Digest}}' "$1")"
}

is_whole() { # what stands in a directory is what was built
    [ -f "$1/SHA256SUMS" ] || fail "$1 holds no SHA256SUMS: deploy/release.sh build $1"
    (cd "$1" && sha256sum --check --quiet SHA256SUMS) || fail "$1 is not what was built: build it again, into another directory"
}

sign() {
    find_key "$2"
    is_whole "$1"
    rm -f "$1/SHA256SUMS.sig"
    ssh-keygen -Y sign -q -n "$purpose" -f "$2" "$1/SHA256SUMS" || fail "the key $2 signed nothing"
    say "signed. Whoever checks needs this line from you, by a way that they trust, in a file allowed_signers:"
    echo "mailroom namespaces=\"$purpose\" $(cut -d' ' -f1,2 "${2%.pub}.pub")"
}

print_changes() { # the part with this version's heading, or what is not released yet; its links lead into the tree, so paths stay in their place
    local heading="## Unreleased"
    ! has_page || heading="## $version - "
    awk -v heading="$heading" 'index($0, "## ") == 1 { found = index($0, heading) == 1 } found' "$tree/CHANGELOG.md" |
        sed -z -E 's#\[([^]]+)\]\(((docs|deploy)/[^)]*)\)#\1 (`\2`)#g; s#\(([^()]+) \((`[^`]+`)\)\)#(\1: \2)#g'
}

mark() { # TEXT COMMAND…: a line of the list
    local text=$1 box=" "
    shift
    ! "$@" >/dev/null 2>&1 || box=x
    echo "[$box] $text"
}

print_checklist() {
    say "Mailroom $version of commit $(git -C "$tree" rev-parse --short HEAD):"
    mark "CHANGELOG.md has the heading '## $version - YYYY-MM-DD'" has_page
    mark "what it leaves on a disk is kept: make keep-release" is_kept
    mark "wheel, sdist, parts lists and checksums are in $1" test -f "$1/SHA256SUMS"
    mark "the Debian package too: deploy/release.sh package $1" test -n "$(find "$1" -name '*.deb')"
    mark "the image too: deploy/release.sh image $1" test -n "$(find "$1" -name '*-image.tar')"
    mark "signed: deploy/release.sh sign $1 KEY" test -f "$1/SHA256SUMS.sig"
    mark "make test-full, make faults and make audit passed on this commit" false
    mark "tagged: deploy/release.sh tag; git push origin v$version" is_tagged
    mark "published: $1 and the key's line (docs/how-to/release.md)" false
}

tag() {
    is_committed
    is_announced
    ! is_tagged || fail "there is a tag v$version: raise the version in pyproject.toml"
    is_kept || fail "tests/migrations/releases holds nothing of $version with this version of the database: make keep-release"
    git -C "$tree" tag --annotate --message "Mailroom $version" "v$version"
    say "tagged v$version: git push origin v$version"
}

usage() { sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

case "${1:-} $#" in
"build 2" | "build 3" | "sign 3") "$@" ;;
"package 2") package "$2" ;;
"image 2" | "image 3") image "${@:2}" ;;
"changes 1") print_changes ;;
"checklist 2") print_checklist "$2" ;;
"tag 1") tag ;;
*) usage ;;
esac
