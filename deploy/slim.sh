#!/bin/sh
# Removes Babel's data of languages that Mailroom does not speak from a virtual environment: 33 MB of 36.
#
#   deploy/slim.sh VENV
set -eu
[ -x "${1:-}/bin/python3" ] || { echo "mailroom: deploy/slim.sh needs the directory of a virtual environment" >&2; exit 2; }
find "$1"/lib/python3.*/site-packages/babel/locale-data -name '*.dat' ! -name root.dat ! -name 'en*.dat' ! -name 'de*.dat' -delete
