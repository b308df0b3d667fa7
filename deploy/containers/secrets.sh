#!/usr/bin/env bash
# Makes the secrets of compose.yaml, as files in secrets/ beside it. What is there already stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
install -d -m 700 secrets # nobody else gets in here; within a container its own user has to read the file

random() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
umask 022

for name in database-password ldap-password master-password; do
    [ -e "secrets/$name" ] || random >"secrets/$name"
done
[ -e secrets/database-url ] || echo "postgresql://mailroom:$(cat secrets/database-password)@postgresql/mailroom" >secrets/database-url
echo "secrets/: $(ls secrets | tr '\n' ' ')"
