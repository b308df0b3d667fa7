#!/usr/bin/env bash
# Installs the real peers that the tests talk to, as Debian packages, when one is missing. No service is started.
set -euo pipefail

missing() {
    local package program
    while read -r package program; do
        compgen -G "$program" >/dev/null || echo "$package"
    done <<'PEERS'
postfix /usr/sbin/postfix
dovecot-core /usr/sbin/dovecot
dovecot-imapd /usr/lib/dovecot/imap
dovecot-lmtpd /usr/lib/dovecot/lmtp
postgresql /usr/lib/postgresql/*/bin/initdb
chromium /usr/bin/chromium
strace /usr/bin/strace
swaks /usr/bin/swaks
slapd /usr/sbin/slapd
ldap-utils /usr/bin/ldapadd
rspamd /usr/bin/rspamd
PEERS
    other=$("$(dirname "$0")/other_python.sh" "${PYTHON:-python3}")
    [ -z "$other" ] || "$other" -c 'import ensurepip, venv' 2>/dev/null || echo "$(basename "$other")-venv"
}

wanted=$(missing | sort -u | tr '\n' ' ')
[ -n "$wanted" ] || exit 0
fail() { echo "mailroom: the tests need these Debian packages: $wanted- $1" >&2; exit 1; }

command -v apt-get >/dev/null || fail "there is no apt-get here: install them by hand"
as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "become root or install sudo"
    as_root=(sudo)
fi

echo "mailroom: installing $wanted"
if [ ! -e /usr/sbin/policy-rc.d ]; then # a package that is installed for the tests starts no service
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee /usr/sbin/policy-rc.d >/dev/null
    "${as_root[@]}" chmod 755 /usr/sbin/policy-rc.d
    trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
fi
"${as_root[@]}" apt-get update -qq || fail "apt-get update did not work"
# shellcheck disable=SC2086 # a list of words
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $wanted >/dev/null || fail "apt-get install did not work"
wanted=$(missing | sort -u | tr '\n' ' ')
[ -z "$wanted" ] || fail "apt-get installed them and something is still missing"
