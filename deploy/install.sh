#!/usr/bin/env bash
# Installs Mailroom as systemd units (docs/how-to/systemd.md), upgrades it, takes an upgrade back, and uninstalls it without losing mail.
#
#   deploy/install.sh install [--venv DIRECTORY]   also to upgrade: from this tree, or with a virtual environment that is ready
#   deploy/install.sh rollback                     the release of before
#   deploy/install.sh uninstall                    settings, mail and users stay
#   deploy/install.sh purge --all-mail             these too: nothing is left
#   deploy/install.sh status
#
# Run again, it changes nothing that is right. While it works the door stays open: receive needs neither database nor program files.
set -euo pipefail
umask 022

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
home=/opt/mailroom
releases=$home/releases
units=/etc/systemd/system
profiles=/etc/apparmor.d
pages=/usr/local/share/man/man1
words=/usr/local/share/bash-completion/completions/mailroom
snapshot=/var/spool/mailroom/door.snapshot # the door takes mail once the judge has written it
mailroom_units=$(cd "$tree/deploy/systemd" && echo *.service *.socket *.timer *.target)
upgrading=upgrade-of-mailroom.service # not mailroom-…: what our units may is too little for it
python=${PYTHON:-/usr/bin/python3}
always="receive judge relay api upkeep"
behind_the_door="judge relay recall mirror outbound api identity upkeep webhooks"
with_sockets="mailroom-api.socket mailroom-identity.socket mailroom-outbound.socket"

say() { echo "mailroom: $*"; }
fail() { echo "mailroom: $*" >&2; exit 1; }

mailroom_of() { # the command of this virtual environment
    MAILROOM_VENV=$1 "$tree/deploy/mailroom" "${@:2}"
}

check() {
    [ "$(id -u)" = 0 ] || fail "become root: users and units are made"
    command -v systemctl >/dev/null || fail "there is no systemd here; run \`mailroom serve\` under what you have"
    case $("$python" -c 'import sys; print(sys.version_info >= (3, 11), sys.executable)' 2>/dev/null || true) in
    "True /usr/bin/"*) ;;
    *) fail "$python is no python >= 3.11 of this system: units see /usr and nothing of a home directory; name one with PYTHON=" ;;
    esac
}

release_of_tree() { # prints the directory of a release made from this tree
    local version release
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$tree/pyproject.toml")
    release=$releases/$version-$(cd "$tree" && cat pyproject.toml requirements/*.txt $(find triage* mail_auth mta mailboxes directory_sync identity webhooks webui/src webui/dist migrations demo -type f ! -path '*__pycache__*' 2>/dev/null | sort) | sha256sum | cut -c1-12)
    if [ ! -e "$release/complete" ]; then
        rm -rf "$release"
        mkdir -p "$release"
        "$python" -m venv "$release/venv" || fail "the module venv is missing: apt-get install python3-venv"
        local pip=("$release/venv/bin/python3" -m pip --disable-pip-version-check --no-input --quiet)
        say "building the release $(basename "$release")" >&2
        "${pip[@]}" install --no-build-isolation --no-deps --require-hashes -r "$tree/requirements/build.txt" >&2
        "${pip[@]}" install --no-build-isolation --no-deps --require-hashes -r "$tree/requirements/run.txt" >&2
        "${pip[@]}" install --no-build-isolation --no-deps "$tree" >&2
        # what built the console is larger than all the rest
        "${pip[@]}" uninstall --yes $(sed -n 's/^\([a-z][a-z0-9-]*\)==.*/\1/p' "$tree/requirements/build.txt") >&2
        "$tree/deploy/slim.sh" "$release/venv"
        touch "$release/complete"
    fi
    echo "$release"
}

release_of_venv() { # prints the directory of a release that is a ready virtual environment
    local venv=$1 release
    "$venv/bin/python3" -I -c 'import triage_cli' 2>/dev/null || fail "$venv holds no mailroom: pip install it there first"
    release=$releases/$("$venv/bin/python3" -I -c 'from importlib.metadata import version; print(version("mailroom"))')-$(echo "$venv" | sha256sum | cut -c1-12)
    mkdir -p "$release"
    ln -sfn "$(cd "$venv" && pwd -P)" "$release/venv"
    echo "$release"
}

ground() { # users and directories, which no release takes away
    install -D -m 644 -t /etc/sysusers.d "$tree/deploy/sysusers.d/mailroom.conf"
    systemd-sysusers /etc/sysusers.d/mailroom.conf 2>/dev/null
    install -D -m 644 -t /etc/tmpfiles.d "$tree/deploy/tmpfiles.d/mailroom.conf"
    systemd-tmpfiles --create /etc/tmpfiles.d/mailroom.conf
    close_directory_file
}

close_directory_file() { # one that an older release made is open to everybody, and may hold hashes of passwords
    local file=/etc/mailroom/company.toml
    [ -e "$file" ] && [ -n "$(find -L "$file" -perm /o=rwx)" ] || return 0 # a link is always open
    chgrp mailroom "$file" && chmod o= "$file"
    say "$file was open to everybody on this machine: now the group mailroom reads it"
}

place() { # units and the command, from a directory like deploy/
    install -m 644 -t "$units" "$1"/systemd/*.{service,socket,timer,target}
    install -D -m 644 -t "$units/mailroom-.service.d" "$1/systemd/mailroom-.service.d/10-hardening.conf"
    install -D -m 755 -t /usr/local/sbin "$1/mailroom"
    ln -sfn "$home/venv/bin/mailroom-submit" /usr/local/bin/mailroom-submit
    systemctl daemon-reload
}

keep() { # units and the command that are in place, for who wants them back
    rm -rf "$1"
    # shellcheck disable=SC2086 # a list of words, of which an older release has fewer
    (cd "$units" && install -D -m 644 -t "$1/systemd" $mailroom_units 2>/dev/null) || true
    install -D -m 644 -t "$1/systemd/mailroom-.service.d" "$units/mailroom-.service.d/10-hardening.conf"
    install -m 755 -t "$1" /usr/local/sbin/mailroom
}

forget() { # releases that are neither the present one nor that of before
    local one venv
    for one in "$releases"/*; do
        venv=$(readlink -f "$one/venv")
        [ "$venv" = "$(readlink -f "$home/venv")" ] || [ "$venv" = "$(readlink -f "$home/previous")" ] || rm -rf "$one"
    done
}

to_the_end() { # what is begun takes a minute from here on, and half of it would be neither release
    trap '' INT TERM
    trap 'exec >/dev/null 2>&1' HUP # nobody listens any more
}

upgrade() { # the database, by this virtual environment; the code says whether it has its version now
    local broken_off=
    trap 'broken_off=yes' INT TERM # the roles stand still from here on, and have to run again whatever happens
    trap 'broken_off=yes; exec >/dev/null 2>&1' HUP
    # shellcheck disable=SC2046,SC2086 # lists of words; a socket that stays would start its role again
    systemctl stop $with_sockets $(printf 'mailroom-%s.service ' $behind_the_door) 2>/dev/null || true
    [ -n "$broken_off" ] || MAILROOM_UNIT=$upgrading mailroom_of "$1" db upgrade || broken_off=yes
    to_the_end
    [ -n "$broken_off" ] || return 0
    systemctl stop $upgrading 2>/dev/null || true # who hangs up leaves it alone, and it would go on
    mailroom_of "$1" db check >/dev/null 2>&1 || return 1
    say "the database has the version of this release, so that is put in place; \`mailroom db upgrade\` makes indexes that may be missing"
}

install_it() {
    local release before
    check
    case ${1:-} in
    "") release=$(release_of_tree) ;;
    --venv) release=$(release_of_venv "${2:?--venv needs a directory}") ;;
    *) fail "usage: deploy/install.sh install [--venv DIRECTORY]" ;;
    esac
    ground
    if [ ! -e /etc/mailroom/mailroom.toml ]; then
        place "$tree/deploy"
        [ -e /etc/mailroom/company.toml ] || install -m 640 -g mailroom "$tree/deploy/company.toml" /etc/mailroom/company.toml # hashes of passwords
        install -m 644 "$tree/deploy/mailroom-mx.toml" /etc/mailroom/mailroom.toml
        ln -sfn "$release/venv" "$home/venv"
        say "edit /etc/mailroom/mailroom.toml and company.toml, then run this again"
        return
    fi
    mailroom_of "$release/venv" secrets >/dev/null || { mailroom_of "$release/venv" secrets >&2 || true; fail "nothing was changed: an encrypted secret cannot be opened here"; }
    mailroom_of "$release/venv" settings --check || fail "nothing was changed: mend the settings, then run this again"
    before=$(readlink -e "$home/venv" 2>/dev/null || true)
    if ! upgrade "$release/venv"; then
        start "$before" || fail "the database was not upgraded, and a role of before did not start: journalctl -u 'mailroom-*'"
        fail "the database was not upgraded; everything is as it was"
    fi
    if [ -n "$before" ] && [ "$before" != "$(readlink -f "$release/venv")" ] && [ "$before" != "$(readlink -e "$home/previous")" ]; then
        keep "$home/deploy"
        ln -sfn "$before" "$home/previous"
    fi
    place "$tree/deploy"
    say "secrets: $(mailroom_of "$release/venv" secrets encrypt 2>&1 || true)" # not before: units of before know plain ones only
    mailroom_of "$release/venv" sync || say "the directory stays as it was; see above"
    start "$release/venv" || fail "a role did not start: journalctl -u 'mailroom-*'; \`deploy/install.sh rollback\` takes this back"
    describe "$release/venv" || say "there are no manual pages for it; see above"
    forget
    say "$(basename "$release") is in place; \`mailroom doctor\` looks at the rest"
}

start() { # with this virtual environment; a directory bound into units counts from their next start
    [ -n "$1" ] || return 0
    ln -sfn "$1" "$home/venv.new" && mv -T "$home/venv.new" "$home/venv"
    systemctl enable --quiet mailroom.target mailroom-receive.socket mailroom-api.socket mailroom-parse.socket mailroom-draw.socket mailroom-retention.timer
    systemctl start mailroom-receive.socket mailroom-api.socket mailroom-parse.socket mailroom-draw.socket
    systemctl --no-block restart mailroom-receive.service # its socket keeps who connects meanwhile
    systemctl --no-block start mailroom.target
    for _ in $(seq 120); do
        # shellcheck disable=SC2046 # a list of words
        if systemctl is-active --quiet mailroom.target $(printf 'mailroom-%s.service ' $always) && [ -e "$snapshot" ]; then return 0; fi
        sleep 0.5
    done
    return 1
}

describe() { # pages for man, and words that bash completes
    rm -f "$pages"/mailroom{,-*}.1
    install -D -m 644 -t "$pages" "$tree"/deploy/man/*
    mailroom_of "$1" man "$pages" && mkdir -p "${words%/*}" && mailroom_of "$1" completion bash >"$words"
}

rollback() {
    check
    local before now
    before=$(readlink -e "$home/previous" 2>/dev/null) || fail "there is no release of before"
    now=$(readlink -f "$home/venv")
    mailroom_of "$before" db check >/dev/null 2>&1 ||
        fail "the database has moved on since $before, which cannot read it: restore a backup of before with that release (docs/how-to/systemd.md), or stay"
    if [ -d "$home/deploy" ] && ! grep -qs LoadCredentialEncrypted "$home"/deploy/systemd/*.service; then open_secrets "$now"; fi
    to_the_end
    # shellcheck disable=SC2046,SC2086 # lists of words
    systemctl stop $with_sockets $(printf 'mailroom-%s.service ' $behind_the_door) 2>/dev/null || true
    if [ -d "$home/deploy" ]; then # the units of before go with it
        keep "$home/deploy.now"
        place "$home/deploy"
        rm -rf "$home/deploy" && mv "$home/deploy.now" "$home/deploy"
    fi
    start "$before" || fail "a role did not start: journalctl -u 'mailroom-*'"
    ln -sfn "$now" "$home/previous"
    describe "$before" || say "there are no manual pages for it; see above"
    say "back at $before"
}

open_secrets() { # for units that know plain ones only
    mailroom_of "$1" secrets decrypt || fail "the units of before read no encrypted secrets: write those named above into /etc/mailroom/secrets"
}

uninstall() {
    [ "$(id -u)" = 0 ] || fail "become root"
    # shellcheck disable=SC2086 # a list of words
    systemctl disable --now --quiet $mailroom_units 2>/dev/null || true
    # shellcheck disable=SC2086
    (cd "$units" && rm -f $mailroom_units && rm -rf mailroom-.service.d)
    systemctl daemon-reload
    systemctl reset-failed 'mailroom*' 2>/dev/null || true
    if [ -e "$profiles/mailroom" ]; then # docs/how-to/systemd.md, AppArmor
        apparmor_parser --remove "$profiles/mailroom" 2>/dev/null || say "the AppArmor profiles could not be unloaded; they are gone after a restart"
        rm -f "$profiles/mailroom" "$profiles"/abstractions/mailroom{,-network,-record}
    fi
    rm -rf "$home" "$words" "$pages"/mailroom{,-*}.1 /usr/local/sbin/mailroom /usr/local/bin/mailroom-submit /etc/sysusers.d/mailroom.conf /etc/tmpfiles.d/mailroom.conf
    rm -rf /run/mailroom /var/lib/systemd/timers/stamp-mailroom-*.timer
    say "uninstalled. Left: /etc/mailroom (settings), /var/lib/mailroom (database), /var/spool/mailroom, /var/spool/mailroom-submit (accepted mail), the users mailroom-*"
    say "and what you changed: $units/mailroom*.d, $profiles/local/mailroom-*"
}

clear_out() { # also a disk of its own, or a link to one; what is mounted within is somebody else's
    find "$1/" -xdev -mindepth 1 -delete 2>/dev/null || true
    rm -f "$1" 2>/dev/null || rmdir "$1" 2>/dev/null || say "left is $1: a disk of its own, or one within"
}

purge() {
    local place
    [ "${1:-}" = --all-mail ] || fail "this deletes settings, secrets, database and all accepted mail, held mail too: deploy/install.sh purge --all-mail"
    uninstall
    for place in /etc/mailroom /var/lib/mailroom /var/spool/mailroom /var/spool/mailroom-submit; do clear_out "$place"; done
    rm -rf "$units"/mailroom*.d "$profiles"/local/mailroom-*
    systemctl daemon-reload
    sed -n 's/^u \([^ ]*\).*/\1/p' "$tree/deploy/sysusers.d/mailroom.conf" | while read -r user; do userdel "$user" 2>/dev/null || true; done
    groupdel mailroom 2>/dev/null || true
    groupdel mailroom-submit 2>/dev/null || true
    say "purged. What lies elsewhere is as it was: a database of PostgreSQL, backups, checkpoints, hooks for certificates, the journal"
}

status() {
    echo "release   $(readlink -e "$home/venv" 2>/dev/null || echo none)"
    echo "previous  $(readlink -e "$home/previous" 2>/dev/null || echo none)"
    systemctl --no-pager --plain list-units 'mailroom*' --all
}

case ${1:-} in
install) install_it "${@:2}" ;;
rollback) rollback ;;
uninstall) uninstall ;;
purge) purge "${@:2}" ;;
status) status ;;
*) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
