#!/usr/bin/env bash
# Installs the real peers that the tests talk to, as Debian packages, when one is missing. No service is started.
# `install.sh bench` installs those too that only bench/pipeline.py sets up beside us.
# Exim is unpacked beside them: as a package it would put Postfix out. So are Cyrus, which would start, Glewlwyd,
# which wants to be set up, and the policy of SELinux, which would change this machine, where this Debian has them.
set -euo pipefail
cache=$(dirname "$0")/.cache

purpose=${1:-tests}

peers() {
    cat <<'PEERS'
postfix /usr/sbin/postfix
dovecot-core /usr/sbin/dovecot
dovecot-imapd /usr/lib/dovecot/imap
dovecot-lmtpd /usr/lib/dovecot/lmtp
dovecot-sieve /usr/lib/dovecot/modules/lib95_imap_sieve_plugin.so
dovecot-managesieved /usr/lib/dovecot/managesieve-login
postgresql /usr/lib/postgresql/*/bin/initdb
pgbouncer /usr/sbin/pgbouncer
chromium /usr/bin/chromium
chromium-headless-shell /usr/bin/chromium-headless-shell
fonts-dejavu-core /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
firefox-esr /usr/bin/firefox-esr
thunderbird /usr/bin/thunderbird
strace /usr/bin/strace
fail2ban /usr/bin/fail2ban-regex
faketime /usr/bin/faketime
fiu-utils /usr/bin/fiu-run
docker-compose /usr/bin/docker-compose
dovecot-ldap /usr/lib/dovecot/modules/auth/libauthdb_ldap.so
promtool /usr/bin/promtool
mmdebstrap /usr/bin/mmdebstrap
debhelper /usr/bin/dh
lintian /usr/bin/lintian
mandoc /usr/bin/mandoc
apparmor /usr/sbin/apparmor_parser
selinux-policy-dev /usr/share/selinux/devel/Makefile
setools /usr/bin/sesearch
secilc /usr/bin/secilc
bubblewrap /usr/bin/bwrap
poppler-utils /usr/bin/pdftoppm
systemd /usr/bin/systemd-socket-activate
swaks /usr/bin/swaks
slapd /usr/sbin/slapd
ldap-utils /usr/bin/ldapadd
rspamd /usr/bin/rspamd
clamav-daemon /usr/sbin/clamd
rsyslog /usr/sbin/rsyslogd
rsyslog-openssl /usr/lib/*/rsyslog/lmnsd_ossl.so
opendkim /usr/sbin/opendkim
libsasl2-modules /usr/lib/*/sasl2/libplain.so
libnet-ssleay-perl /usr/lib/*/perl5/*/Net/SSLeay.pm
libidn12 /usr/lib/*/libidn.so.12
libnsl2 /usr/lib/*/libnsl.so.2
php-cli /usr/bin/php
php-sqlite3 /usr/lib/php/*/pdo_sqlite.so
php-mbstring /usr/lib/php/*/mbstring.so
php-xml /usr/lib/php/*/dom.so
php-intl /usr/lib/php/*/intl.so
php-curl /usr/lib/php/*/curl.so
roundcube-core /usr/share/roundcube/index.php
libgnutls-dane0t64 /usr/lib/*/libgnutls-dane.so.0
PEERS
    [ "$purpose" != bench ] || cat <<'BESIDE'
opendmarc /usr/sbin/opendmarc
postfix-policyd-spf-python /usr/bin/policyd-spf
unbound /usr/sbin/unbound
BESIDE
}

missing() {
    local package program
    while read -r package program; do
        compgen -G "$program" >/dev/null || echo "$package"
    done < <(peers)
    other=$("$(dirname "$0")/other_python.sh" "${PYTHON:-python3}")
    [ -z "$other" ] || "$other" -c 'import ensurepip, venv' 2>/dev/null || echo "$(basename "$other")-venv"
}

has_exim() { [ -x "$cache/exim4/usr/sbin/exim4" ] && id Debian-exim >/dev/null 2>&1; }

cyrus="cyrus-imapd cyrus-common sasl2-bin libxapian30 libpcre2-posix3 libical3t64 libwrap0"
glewlwyd="glewlwyd glewlwyd-common libconfig11 libmariadb3 liborcania2.3 libyder2.0t64 libhoel1.4t64 librhonabwy1.1t64
    libmicrohttpd12t64 libulfius2.7t64 libiddawc1.1t64 liboath0t64 libcbor0.10 libjansson4
    fonts-fork-awesome libjs-popper.js libjs-bootstrap4 libjs-jquery"
is_unpacked() { [ -e "$cache/$1" ]; } # empty where it cannot be had: its tests say so
unpack_packages() { # NAME PACKAGE…
    local name=$1 package
    mkdir -p "$cache/$name.deb"
    if (cd "$cache/$name.deb" && apt-get download -qq "${@:2}" >/dev/null 2>&1); then
        for package in "$cache/$name.deb"/*.deb; do dpkg -x "$package" "$cache/$name.new"; done
    fi
    mkdir -p "$cache/$name.new" && mv "$cache/$name.new" "$cache/$name" && rm -rf "$cache/$name.deb"
}

wanted=$(missing | sort -u | tr '\n' ' ')
if [ -z "$wanted" ] && has_exim && is_unpacked cyrus && is_unpacked glewlwyd && is_unpacked selinux; then exit 0; fi
fail() { echo "mailroom: the tests need these Debian packages: $wanted- $1" >&2; exit 1; }

command -v apt-get >/dev/null || fail "there is no apt-get here: install them by hand"
as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "become root or install sudo"
    as_root=(sudo)
fi

echo "mailroom: installing $wanted$(has_exim || echo exim4-daemon-light, unpacked)"
if [ ! -e /usr/sbin/policy-rc.d ]; then # a package that is installed for the tests starts no service
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee /usr/sbin/policy-rc.d >/dev/null
    "${as_root[@]}" chmod 755 /usr/sbin/policy-rc.d
    trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
fi
"${as_root[@]}" apt-get update -qq || fail "apt-get update did not work"
# shellcheck disable=SC2086 # a list of words
[ -z "$wanted" ] || "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $wanted >/dev/null || fail "apt-get install did not work"
wanted=$(missing | sort -u | tr '\n' ' ')
[ -z "$wanted" ] || fail "apt-get installed them and something is still missing"
if ! has_exim; then
    wanted=exim4-daemon-light
    mkdir -p "$cache" && rm -rf "$cache/exim4" "$cache"/exim4-daemon-light_*.deb
    (cd "$cache" && apt-get download -qq exim4-daemon-light >/dev/null 2>&1) || fail " apt-get download did not work"
    dpkg -x "$cache"/exim4-daemon-light_*.deb "$cache/exim4"
    # the program looks its user up before anything else
    id Debian-exim >/dev/null 2>&1 || "${as_root[@]}" useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin Debian-exim
fi
# shellcheck disable=SC2086 # lists of words
is_unpacked cyrus || unpack_packages cyrus $cyrus
# shellcheck disable=SC2086
is_unpacked glewlwyd || unpack_packages glewlwyd $glewlwyd
is_unpacked selinux || unpack_packages selinux selinux-policy-default
