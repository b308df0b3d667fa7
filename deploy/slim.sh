#!/bin/sh
# Removes from a virtual environment what Mailroom does not use: Babel's data of languages that it does not speak (33 MB of 36), zstandard's
# second library, sources in C, and of other libraries tests, imitations and fonts (23 MB).
#
#   deploy/slim.sh VENV
set -eu
[ -x "${1:-}/bin/python3" ] || { echo "mailroom: deploy/slim.sh needs the directory of a virtual environment" >&2; exit 2; }
for packages in "$1"/lib/python3.*/site-packages; do
    find "$packages"/babel/locale-data -name '*.dat' ! -name root.dat ! -name 'en*.dat' ! -name 'de*.dat' -delete
    # beside the extension backend_c, which is what CPython takes
    ! ls "$packages"/zstandard/backend_c.*.so >/dev/null 2>&1 || rm -f "$packages"/zstandard/_cffi.*.so
    find "$packages" -type f \( -name '*.c' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' \) -delete
    rm -rf "$packages"/aiosmtpd/tests "$packages"/alembic/testing "$packages"/mako/testing "$packages"/sqlalchemy/testing
    rm -rf "$packages"/ldap3/protocol/schemas # of imitated servers
    rm -f "$packages"/reportlab/fonts/DarkGarden* "$packages"/reportlab/fonts/callig15* # with no free licence
done
