#!/usr/bin/env bash
# Prints the newest other interpreter from 3.11 to 3.13 of this machine than the one named, or nothing.
set -euo pipefail
minor() { "$1" -c 'import sys; print(sys.version_info.minor if (3, 11) <= sys.version_info < (3, 14) else 0)' 2>/dev/null || echo 0; }
taken=$(minor "$1")
best=0
for candidate in /usr/bin/python3.[0-9]* /usr/local/bin/python3.[0-9]*; do
    [[ $candidate == *-config ]] && continue
    found=$(minor "$candidate")
    if [ "$found" -gt "$best" ] && [ "$found" -ne "$taken" ]; then
        best=$found
        chosen=$candidate
    fi
done
[ "$best" = 0 ] || echo "$chosen"
