# Functions of switch-on, switch-off and bypass-check. `mailroom quickstart` wrote this file, server.sh for the mail server of this machine,
# and switch.env, which names what is where.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
fail() { echo "$(basename "$0"): $*" >&2; exit 1; }
need_root() { [ "$(id -u)" = 0 ] || fail "become root: this changes the mail server"; }

# Root runs no file that somebody else can change, by itself or by a directory above it.
need_roots_own() {
    local path=$1 found
    while :; do
        found=$(find "$path" -maxdepth 0 \( ! -user 0 -o -perm /022 ! \( -type d -perm -1000 \) \))
        [ -z "$found" ] || fail "root runs nothing that others can change: $path must belong to root, and be writable by root only. Mailroom's own user needs $here/data only"
        [ "$path" != / ] || break
        path=$(dirname "$path")
    done
}

need_root
for file in "$here"/*; do
    [ "$file" = "$here/data" ] || need_roots_own "$file"
done
# shellcheck source=/dev/null # written beside this file
. "$here/switch.env"

# Mailroom's commands, as the user who owns its data: root would leave files that Mailroom cannot open. On a terminal of their own, since
# whoever shares root's can type there.
mailroom() {
    local owner
    owner=$(stat -c %U "$here/data")
    if [ "$owner" = "$(id -un)" ]; then
        need_roots_own "$(readlink -f "$MAILROOM")"
        (cd "$here" && "$MAILROOM" --config "$here/mailroom.toml" "$@")
    else
        (cd "$here" && setsid --wait runuser -u "$owner" -- "$MAILROOM" --config "$here/mailroom.toml" "$@" </dev/null)
    fi
}

# The reply of Mailroom to RCPT TO; nothing is sent.
reply_of_mailroom() {
    local line command
    exec 3<>"/dev/tcp/127.0.0.1/$TAKE" || return 1
    read -r -t 30 line <&3 || return 1
    for command in 'EHLO quickstart.invalid' 'MAIL FROM:<>' "RCPT TO:<$1>"; do
        printf '%s\r\n' "$command" >&3
        while read -r -t 30 line <&3 && [ "${line:3:1}" = - ]; do :; done
    done
    printf 'QUIT\r\n' >&3
    exec 3<&- 3>&-
    printf '%s\n' "${line%$'\r'}"
}

# shellcheck source=/dev/null # written beside this file
. "$here/server.sh"
