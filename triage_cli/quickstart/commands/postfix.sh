# What switch-on and switch-off change in Postfix.
export MAIL_CONFIG=${MAIL_CONFIG:-$SERVER_DIRECTORY}
transport="$MAIL_CONFIG/mailroom-transport"
verify="$MAIL_CONFIG/mailroom-verify"
bounces="$MAIL_CONFIG/mailroom-bounces"
away="$MAIL_CONFIG/mailroom-away"

# Postfix gets the services that hand over and take back.
prepare() {
    local line
    while read -r line; do
        case $line in
        '' | '#'*) ;;
        */*/*=*) postconf -P "$line" ;;
        *) postconf -M "$line" ;;
        esac
    done <"$here/postfix-services"
    printf '%s\n' "/^bounce\\+[^@]*@($DOMAINS_PATTERN)\$/ mailroom:[127.0.0.1]:$TAKE" >"$bounces"
}

# The addresses on standard input go to Mailroom from now on, and no others.
write_routes() {
    local maps rules
    cat >"$transport.new"
    sed 's/$/ reject_unverified_recipient/' "$transport.new" >"$verify"
    sed "s/\$/ mailroom:[127.0.0.1]:$TAKE/" "$transport.new" >"$transport"
    rm -f "$transport.new"
    chmod 644 "$transport" "$verify" "$bounces"
    maps=$(postconf -h transport_maps)
    [[ $maps == *"$bounces"* ]] || maps="regexp:$bounces${maps:+ $maps}"
    [[ $maps == *"$transport"* ]] || maps="texthash:$transport $maps"
    postconf -e "transport_maps=$maps"
    rules=$(postconf -h smtpd_recipient_restrictions)
    [[ $rules == *"$verify"* ]] || postconf -e "smtpd_recipient_restrictions=check_recipient_access texthash:$verify${rules:+, $rules}"
    if ! postfix check; then
        remove_routes
        fail "Postfix refuses the new configuration (see above). The routes are removed again"
    fi
    postfix reload
}

# A setting of main.cf without the words that match a pattern; back to its default when nothing is left.
set_without() { # NAME PATTERN
    local now
    now=$(postconf -h "$1")
    now=$(sed -E "s#$2[, ]*##g; s#[, ]+\$##" <<<"$now")
    if [ -n "$now" ]; then postconf -e "$1=$now"; else postconf -X "$1" 2>/dev/null || postconf -e "$1="; fi
}

remove_routes() {
    set_without transport_maps 'texthash:[^ ,]*/mailroom-transport'
    set_without smtpd_recipient_restrictions 'check_recipient_access texthash:[^ ,]*/mailroom-verify'
    rm -f "$transport" "$verify"
    postfix reload
}

remove_way_back() {
    set_without transport_maps 'regexp:[^ ,]*/mailroom-bounces'
    local service
    for service in $(grep -oE '^[^#=/]+/(unix|inet)=' "$here/postfix-services" | tr -d =); do postconf -MX "$service"; done
    rm -f "$bounces"
    postfix reload
    echo "Nothing is held. The way back from Mailroom is removed too; you can stop Mailroom."
}

# The addresses that are handed to Mailroom now, one a line.
routed() { [ ! -f "$transport" ] || cut -d ' ' -f 1 "$transport"; }

# What waits for Mailroom goes straight to the mailboxes.
flush_queue() { postqueue -f; }
