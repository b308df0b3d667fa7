# What switch-on and switch-off change for Exim: a list of recipients that the router `mailroom` reads with every message.
recipients="$here/exim-recipients"
away="$here/exim-away"
exim=("$EXIM" -C "$SERVER_DIRECTORY")

# The router must be in Exim's configuration, before every other one.
prepare() {
    local first
    first=$("${exim[@]}" -bP router_list | head -n 1)
    [ "$first" = mailroom ] || fail "Exim's first router is '$first', not mailroom: add the lines that \`mailroom quickstart\` named, and reload Exim"
}

# The addresses on standard input go to Mailroom from now on, and no others.
write_routes() {
    cat >"$recipients.new"
    chmod 644 "$recipients.new"
    mv "$recipients.new" "$recipients"
}

remove_routes() { : >"$recipients"; }

remove_way_back() { echo "Nothing is held. You can stop Mailroom, and remove the two .include lines from Exim's configuration."; }

# The addresses that are handed to Mailroom now, one a line.
routed() { [ ! -f "$recipients" ] || cat "$recipients"; }

# What waits for Mailroom goes straight to the mailboxes.
flush_queue() { "${exim[@]}" -qff; }
