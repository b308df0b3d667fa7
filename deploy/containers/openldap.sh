#!/bin/sh
# Starts OpenLDAP with the password of its secret, and with company.ldif when it holds nothing yet.
set -eu
{ cat /etc/company/slapd.conf; echo "rootpw \"$(cat /run/secrets/ldap-password)\""; } >/tmp/slapd.conf
[ -e /var/lib/ldap/data.mdb ] || slapadd -f /tmp/slapd.conf -l /etc/company/company.ldif
exec slapd -d 0 -f /tmp/slapd.conf -h ldap://:1389/
