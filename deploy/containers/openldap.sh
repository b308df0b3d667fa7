#!/bin/sh
# Starts OpenLDAP with the password of its secret, and with company.ldif when it holds nothing yet.
set -eu
for file in /var/lib/ldap /var/lib/ldap/data.mdb; do
    if [ -e "$file" ] && [ ! -w "$file" ]; then
        echo "$file belongs to another user: docker compose run --rm --user 0 --entrypoint chown openldap -R 2389:2389 /var/lib/ldap" >&2
        exit 1
    fi
done
{ cat /etc/company/slapd.conf; echo "rootpw \"$(cat /run/secrets/ldap-password)\""; } >/tmp/slapd.conf
[ -e /var/lib/ldap/data.mdb ] || slapadd -f /tmp/slapd.conf -l /etc/company/company.ldif
exec slapd -d 0 -f /tmp/slapd.conf -h ldap://:1389/
