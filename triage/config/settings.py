"""Settings: all sections and keys, each with its purpose and its default, as a frozen value."""

from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from triage.addressing import freemail_domains, open_platforms
from triage.addressing.subaddress import DELIMITERS
from triage.config.alert_types import AUTO, CAUSES
from triage.config.duties import USUAL, Duty
from triage.config.identity_providers import Provider
from triage.config.simulations import Simulation
from triage.config.webhooks import Hook
from triage.errors import BadInput
from triage.say import mark
from triage.text.i18n import ENGLISH, LANGUAGES

Texts = tuple[tuple[str, str], ...]  # a table of texts by name, in its order
Hooks = tuple[Hook, ...]  # a table of tables by name
Duties = tuple[Duty, ...]  # likewise
Providers = tuple[Provider, ...]  # likewise
Simulations = tuple[Simulation, ...]  # likewise


def setting_key(
    doc: str, default: Any = MISSING, *, choices: tuple[str, ...] = (), file: bool = False, least: int = 0, secret: bool = False
) -> Any:
    """A documented setting. Without a default it must be given.

    `file`: it names a file that may be a secret. `least`: of a number. `secret`: the console never shows the value.
    """
    return field(default=default, metadata={"doc": doc, "choices": choices, "file": file, "least": least, "secret": secret})


@dataclass(frozen=True, slots=True)
class Company:
    """Name, domains and enforcement of the company."""

    domains: tuple[str, ...] = setting_key("The company's own mail domains. Only messages to these domains are accepted.")
    hostname: str = setting_key("Name of this machine in SMTP greetings and Received fields.")
    authserv_id: str = setting_key("Name in Mailroom's Authentication-Results (RFC 8601); empty: hostname.", "")
    enforcement: str = setting_key(
        "What is held where `mailroom enforcement` sets nothing else. record-only: only blocked messages and forgeries of our domains; "
        "the rest is delivered, and Mailroom records what it would have held. hold-dangerous: dangerous messages. hold-unknown: all "
        "messages from unknown senders.",
        "hold-unknown",
        choices=("record-only", "hold-dangerous", "hold-unknown"),
    )
    record_only_departments: tuple[str, ...] = setting_key(
        "Codes of departments in record-only mode, whatever the company's enforcement is.", ()
    )
    plain: bool = setting_key(
        "Hold nothing. A message that would be held is delivered at once to DEPARTMENT+PERSON, a folder of the department's account "
        "(docs/how-to/mail-clients.md).",
        False,
    )
    language: str = setting_key(
        "Language of messages to employees, staff and senders; outside senders read English below it. In the console each person chooses.",
        ENGLISH,
        choices=LANGUAGES,
    )
    delimiter: str = setting_key(
        "Character between department and person in triage addresses, and before the detail of a subaddress (anna+shop@).",
        "+",
        choices=DELIMITERS,
    )


@dataclass(frozen=True, slots=True)
class Database:
    """The database."""

    url: str = setting_key("sqlite:///PATH or postgresql://USER@HOST/NAME.", "sqlite:///var/mailroom.db")
    listen_url: str = setting_key(
        "Address of PostgreSQL itself, if database.url names a pooler in transaction mode (PgBouncer). Machines wake each other "
        "through it. Empty: database.url.",
        "",
    )
    read_url: str = setting_key(
        "Address of a PostgreSQL standby that answers searches and reports, to leave database.url its time for messages. Empty: none.", ""
    )
    read_lag_seconds: int = setting_key("How old a report from database.read_url may be; its period ends then.", 60)


@dataclass(frozen=True, slots=True)
class Spool:
    """Accepted messages before they are processed."""

    directory: Path = setting_key(
        "Directory of accepted messages, the recipient map and the wake-up pipes; on a local disk.", Path("var/spool")
    )


@dataclass(frozen=True, slots=True)
class Smtp:
    """The SMTP server for strangers' messages."""

    listen: str = setting_key("HOST:PORT on which messages are accepted.", "127.0.0.1:2525")
    lmtp_listen: str = setting_key("HOST:PORT or path of a Unix socket for LMTP, for edge servers only; empty: none.", "")
    workers: int = setting_key("Processes that accept messages in parallel.", 1)
    trusted_edges: tuple[str, ...] = setting_key("Networks of your own edge servers or load balancers (docs/how-to/edge-servers.md).", ())
    edge_protocol: str = setting_key(
        "How trusted_edges name the client. xforward: servers that accepted the message (XFORWARD, Postfix). proxy: load balancers "
        "that pass the client's connection through (PROXY protocol 1 and 2).",
        "xforward",
        choices=("xforward", "proxy"),
    )
    trusted_authserv_ids: tuple[str, ...] = setting_key(
        "Names in Authentication-Results fields (RFC 8601) that Mailroom believes on messages from trusted edges.", ()
    )
    edge_token: str = setting_key(
        "A secret that trusted edges add to each message as the field X-Mailroom-Edge. Needed where strangers share the edge's "
        "networks (Microsoft 365, Google). A message without it counts as a stranger's. Give it as a credential file.",
        "",
        secret=True,
    )
    internal_networks: tuple[str, ...] = setting_key(
        "Networks of the company's own machines. Messages that a trusted edge accepted from them pass as internal; the edge must name "
        "the client (XFORWARD).",
        (),
    )
    signed_in_hosts: tuple[str, ...] = setting_key(
        "Host names that trusted edges (Postfix) write into the topmost Received field. Messages that they accepted from a signed-in "
        "user (ESMTPA, ESMTPSA) or from a program on the edge pass as internal.",
        (),
    )
    unknown_recipients: str = setting_key(
        "Reply to addresses that the directory does not know. refuse: 550. defer: 450, so senders' servers retry for days while you "
        "complete the directory.",
        "refuse",
        choices=("refuse", "defer"),
    )
    blocked_text: str = setting_key(
        "Reply to a blocked sender, after 550 5.7.1. Name a way to reach you, such as a phone number; postmaster always accepts. "
        "{domain} is your first domain.",
        "This address does not accept mail from you. If that is a mistake, write to postmaster@{domain}",
    )
    max_size: int = setting_key("Largest message accepted, in bytes.", 50 * 1024 * 1024, least=1)
    max_recipients: int = setting_key("Most recipients of one message.", 1000, least=1)
    max_connections: int = setting_key("Most connections at once.", 512, least=1)
    max_connections_per_client: int = setting_key("Most connections at once from one address.", 50, least=1)
    max_messages_per_minute: int = setting_key("Most messages a minute from one address; 0: no limit.", 300)
    idle_timeout: int = setting_key("Seconds without a command before the connection is closed.", 300, least=1)
    session_timeout: int = setting_key(
        "Seconds that one connection may last. A longer message is still accepted if at least 4 KiB a second arrive.",
        1800,
        least=1,
    )
    max_hops: int = setting_key("Received fields above which a message counts as a mail loop.", 50, least=1)
    tls_cert: str = setting_key("PEM file of the certificate chain; empty: no STARTTLS.", "", file=True)
    tls_key: str = setting_key("PEM file of its private key.", "", file=True)


@dataclass(frozen=True, slots=True)
class Relay:
    """Delivery to people's mailboxes."""

    next_hop: str = setting_key(
        "Server that gets delivered messages: smtp://HOST:PORT, lmtp://HOST:PORT, lmtp:///SOCKET or maildir:DIRECTORY; smtps:// and "
        "lmtps:// for TLS from the first byte.",
        "maildir:var/mailboxes",
    )
    routes: tuple[str, ...] = setting_key(
        "Other next hops, of which the first match counts: department:CODE=NEXT_HOP or domain:DOMAIN=NEXT_HOP (domain of the mailbox).", ()
    )
    smarthost: str = setting_key("Next hop of messages to the outside, such as our notices; empty: next_hop.", "")
    concurrency: int = setting_key("Parallel transactions with each next hop.", 4)
    timeout: int = setting_key("Seconds to wait for each reply of the next hop.", 60, least=1)
    final_timeout: int = setting_key(
        "Seconds to wait for the reply after the final dot. Too short a time delivers messages twice (RFC 5321, 4.5.3.2.6: 10 minutes).",
        600,
        least=1,
    )
    tls: str = setting_key(
        "opportunistic: STARTTLS where offered. required: never without encryption. verify: also check the certificate. none: never.",
        "opportunistic",
        choices=("none", "opportunistic", "required", "verify"),
    )
    tls_ca: str = setting_key("PEM file of the authorities that sign the next hop's certificate; empty: those of the system.", "")
    tls_name: str = setting_key("Name in the next hop's certificate; empty: the host of its URL.", "")
    logins_file: str = setting_key(
        "File with lines NEXT_HOP NAME:PASSWORD for next hops that require sign-in (RFC 4954), such as a provider's smarthost. Used "
        "only over TLS with a valid certificate, whatever tls says. Read for each connection.",
        "",
        file=True,
    )
    token_file: str = setting_key(
        "File with the access token of names without a password in logins_file (XOAUTH2). Read for each connection.", "", file=True
    )
    token_command: str = setting_key("Command that prints such a token; {user} is the name.", "", secret=True)
    arc_domain: str = setting_key(
        "Domain that adds an ARC seal (RFC 8617) to delivered messages, so that the inner server can trust our results; empty: no seal.", ""
    )
    arc_selector: str = setting_key("Selector of the seal's key in DNS: SELECTOR._domainkey.DOMAIN.", "")
    arc_key_file: str = setting_key("PEM file of the seal's private key, RSA or Ed25519, without a password.", "", file=True)
    give_up_after: int = setting_key("Hours of retries after which a delivery is given up.", 120, least=1)
    keep_detail: bool = setting_key("The next hop understands subaddresses, so anna+shop@ is passed on unchanged. Maildirs do not.", True)
    original_reverse_path: bool = setting_key(
        "Always keep the original envelope sender, proven or not (docs/how-to/bounces-and-notices.md).", False
    )


@dataclass(frozen=True, slots=True)
class Outbound:
    """Employees' outgoing messages: passed on, and learned from (docs/how-to/outgoing-mail.md)."""

    listen: str = setting_key("HOST:PORT to which the internal mail server hands employees' messages.", "127.0.0.1:2526")
    networks: tuple[str, ...] = setting_key(
        "Networks of the internal servers that may send. If accounts_file is empty too, nobody may.", ()
    )
    accounts_file: str = setting_key(
        "File with lines NAME:PASSWORD for other clients, which sign in over TLS (smtp.tls_cert). Read again when it changes.",
        "",
        file=True,
    )
    submit_directory: str = setting_key(
        "Submission spool of mailroom-submit, the sendmail command for programs on this machine, such as /var/spool/mailroom-submit. "
        "Empty: none.",
        "",
    )
    submit_domain: str = setting_key("Domain of this machine's users, as in root@DOMAIN; empty: company.hostname.", "")
    submit_trusted: tuple[str, ...] = setting_key(
        "Users of this machine who may submit messages in any name; those of others come from their own address.", ()
    )
    submit_hourly: int = setting_key("Messages of one user that are taken from the submission spool within an hour; 0: any number.", 1000)
    smarthost: str = setting_key("Next hop of employees' messages, such as smtp://relay.provider.example:25; empty: relay.smarthost.", "")
    learn: str = setting_key(
        "Who knows an address after an employee wrote to it: that person, the department or the company. none: nothing is learned.",
        "person",
        choices=("person", "department", "company", "none"),
    )
    daily_cap: int = setting_key(
        "New contacts of one employee within 24 hours that count at once; further ones count once staff accept them.", 50
    )
    lapse_days: int = setting_key(
        "Days without a message either way after which a contact ends; imported contacts stay 60 days at least.", 400
    )
    journal_address: str = setting_key(
        "Address for copies of sent messages (BCC or Exchange journal reports) on the same port. Mailroom learns from them and "
        "discards them. Empty: none.",
        "",
    )
    report_address: str = setting_key(
        "Your address to which employees forward suspicious messages. The internal server hands them over on this port. Empty: none.", ""
    )
    report_partners: tuple[str, ...] = setting_key(
        "Domains of partner companies whose messages to report_address from outside are reports too. DMARC must prove the domain. "
        "Empty: none.",
        (),
    )
    expect_address: str = setting_key(
        "Your address to which employees announce expected senders. The internal server hands these messages over on this port. Empty: "
        "none.",
        "",
    )
    expect_days: int = setting_key("Days after which an expected sender is forgotten.", 14)
    resources: tuple[str, ...] = setting_key(
        "Local parts of your own addresses that teach nothing, such as meeting rooms; * matches anything.",
        ("room-*", "room.*", "rooms.*", "meetingroom*", "raum-*", "raum.*", "salle-*", "sala-*", "resource-*", "resource.*"),
    )
    keep_days: int = setting_key("Days after delivery for which the content of employees' messages is kept.", 3)
    brake_recipients: int = setting_key(
        "New recipients within an hour above which an employee's messages to more of them wait until staff decide; 0: no brake.", 60
    )
    brake_first: int = setting_key("New recipients in an hour who get their messages at once; the others get them five minutes later.", 20)
    brake_trial_days: int = setting_key("Days for which the brake only reports; 0: it holds at once.", 30)
    brake_exempt: tuple[str, ...] = setting_key(
        "Service accounts that write to as many as they like: names or addresses of employees; * matches anything.", ()
    )
    delay_warning_hours: int = setting_key("Hours after which the author of an undelivered message gets a warning, once; 0: never.", 4)


@dataclass(frozen=True, slots=True)
class Journal:
    """A copy of every accepted message for an archive, as a journal report (docs/how-to/retention-and-privacy.md)."""

    address: str = setting_key("Address of the archive; empty: nothing is copied. It must not lead back to Mailroom.", "")
    next_hop: str = setting_key("Next hop of the copies, such as smtp://archive.company.example:25; empty: relay.next_hop.", "")
    outbound: bool = setting_key("Copy employees' outgoing messages too.", True)
    keep_days: int = setting_key("Days for which a copy that was given up or bounced can be sent again.", 30)


@dataclass(frozen=True, slots=True)
class Recall:
    """Removal of delivered messages from people's mailboxes."""

    imap: str = setting_key("imaps://HOST[:PORT], or imap://HOST[:PORT] with STARTTLS. Empty: messages are removed from Maildirs only.", "")
    auth: str = setting_key(
        "How to sign in to mailboxes. master: one account for all. per-account: a password for each. microsoft, google: an application of "
        "yours there (docs/how-to/cloud-mailboxes.md). xoauth2: a token that you provide (RFC 7628).",
        "master",
        choices=("master", "per-account", "xoauth2", "microsoft", "google"),
    )
    master_user: str = setting_key("Login of the master account (auth = master).", "")
    separator: str = setting_key(
        "Character between mailbox and master user in the login name (Dovecot's auth_master_user_separator). Empty: SASL PLAIN with "
        "the mailbox as authorization identity (RFC 4616; Cyrus).",
        "*",
    )
    password_file: str = setting_key(
        "File with the master password; for per-account, lines ADDRESS:PASSWORD. Read for each session.", "", file=True
    )
    token_file: str = setting_key("File with the access token (auth = xoauth2). Read for each session.", "", file=True)
    token_command: str = setting_key(
        "Command that prints an access token (auth = xoauth2); {user} is the mailbox's login.", "", secret=True
    )
    tenant: str = setting_key("Your tenant at Microsoft: its ID or one of its domains (auth = microsoft).", "")
    client_id: str = setting_key("Application (client) ID of Mailroom's registration there (auth = microsoft).", "")
    client_secret_file: str = setting_key("File with the client secret's value (auth = microsoft). Read for each token.", "", file=True)
    service_account_file: str = setting_key(
        "JSON key of a Google service account with domain-wide delegation (auth = google). Read for each token.", "", file=True
    )
    token_url: str = setting_key("https:// address of the token endpoint (auth = microsoft, google); empty: the provider's.", "")
    login: str = setting_key(
        "Login name of a mailbox: its whole address, or the part before the @.", "address", choices=("address", "local-part")
    )
    plain: bool = setting_key("Use an imap:// server without encryption. Loopback needs no such permission.", False)
    ca_file: str = setting_key(
        "PEM file of the authority that signed the certificate of the IMAP server, and of token_url; empty: those of the system.", ""
    )
    concurrency: int = setting_key("Mailboxes that are open at the same time.", 4)
    timeout: int = setting_key("Seconds to wait for each reply of the IMAP server or the token endpoint.", 30)
    give_up_after: int = setting_key("Hours of retries after which a recall from an unreachable mailbox is given up.", 48)
    passed_on: tuple[str, ...] = setting_key(
        "Mailboxes that a ticket system, a delegate or a forwarding rule empties, and its name, such as "
        '"support@company.example=the ticket system". Removals name it as out of reach.',
        (),
    )
    hunting: bool = setting_key(
        "Let staff with the right hunt search all mailboxes by subject, sender, link or attachment (docs/how-to/hunt.md).", False
    )


@dataclass(frozen=True, slots=True)
class Mirror:
    """Held messages in IMAP folders of departments' accounts, to decide in a mail program (docs/how-to/mail-clients.md)."""

    departments: tuple[str, ...] = setting_key(
        'Departments and their accounts, such as "it=it@company.example"; empty: the mirror is off.', ()
    )
    act_as: tuple[str, ...] = setting_key(
        'Department and the staff login that acts when a message is moved in its account, such as "it=ana".', ()
    )
    staff: tuple[str, ...] = setting_key(
        'Staff with action folders in their own account, as login and account, such as "ana=ana@company.example". They act as themselves.',
        (),
    )
    imap: str = setting_key("IMAP server: imaps://HOST, or imap://HOST with STARTTLS; empty: recall.imap.", "")
    auth: str = setting_key(
        "How to sign in to the accounts: per-account passwords, a master account, or access tokens.",
        "per-account",
        choices=("master", "per-account", "xoauth2"),
    )
    master_user: str = setting_key("Login of the master account (auth = master).", "")
    separator: str = setting_key(
        "Character between account and master account in the login name, such as * for Dovecot; empty: PLAIN names both.", ""
    )
    password_file: str = setting_key(
        "File with the master account's password, or lines ADDRESS:PASSWORD (auth = per-account). Read for each session.",
        "",
        file=True,
    )
    token_file: str = setting_key("File with the access token (auth = xoauth2). Read for each session.", "", file=True)
    token_command: str = setting_key(
        "Command that prints an access token (auth = xoauth2); {user} is the account's login.", "", secret=True
    )
    login: str = setting_key(
        "Login name of an account: its whole address, or the part before the @.", "address", choices=("address", "local-part")
    )
    plain: bool = setting_key("Use an imap:// server without encryption. Loopback needs no such permission.", False)
    ca_file: str = setting_key("PEM file of the authority that signed the IMAP server's certificate; empty: those of the system.", "")
    timeout: int = setting_key("Seconds to wait for each reply of the IMAP server.", 30)
    interval: int = setting_key(
        "Seconds between two checks of each account; 0: four a second. With IDLE, moves into Release are noticed at once.", 1
    )


@dataclass(frozen=True, slots=True)
class Dns:
    """DNS questions of the processor."""

    nameservers: tuple[str, ...] = setting_key("Addresses of resolvers; empty: those of the system.", ())
    timeout: int = setting_key("Seconds for all DNS questions about one message.", 20, least=1)
    zone_file: str = setting_key("Zone file to answer from instead of the network (tests and demo).", "")


@dataclass(frozen=True, slots=True)
class Directory:
    """People, departments, distribution lists and staff."""

    source: str = setting_key("file: people from a TOML file; ldap: from an LDAP server.", "file", choices=("file", "ldap"))
    file: str = setting_key("The TOML file with departments, people and staff.", "company.toml")
    url: str = setting_key("LDAP server: ldap://HOST (encrypted by StartTLS) or ldaps://HOST.", "")
    tls: str = setting_key(
        "verify: encrypt, and check the server's certificate. none: no encryption for ldap://, no check for ldaps://.",
        "verify",
        choices=("verify", "none"),
    )
    tls_ca: str = setting_key("PEM file of the certificates to trust; empty: those of the system.", "")
    bind_dn: str = setting_key("Distinguished name of Mailroom's account, which only reads; empty: anonymous.", "")
    password_file: str = setting_key("File with the password of that account.", "", file=True)
    base: str = setting_key("Entry below which Mailroom searches, such as dc=company,dc=example.", "")
    people_base: str = setting_key("Entry below which people are; empty: base.", "")
    group_base: str = setting_key("Entry below which groups are; empty: base.", "")
    preset: str = setting_key(
        "Attributes and filters of a kind of server; other settings change single ones.", "openldap", choices=("openldap", "ad", "freeipa")
    )
    people_filter: str = setting_key("LDAP filter that finds people; empty: the preset's.", "")
    group_filter: str = setting_key("LDAP filter that finds groups; empty: the preset's.", "")
    uid_attribute: str = setting_key(
        "Attribute with a person's name in triage addresses; of an address, the local part counts. Empty: the preset's.", ""
    )
    name_attribute: str = setting_key("Attribute with a person's display name; empty: the preset's.", "")
    mailbox_attribute: str = setting_key("Attribute with the ordinary address; empty: the preset's.", "")
    alias_attributes: tuple[str, ...] = setting_key("Attributes with aliases; empty: the preset's.", ())
    login_attribute: str = setting_key("Attribute with the name for staff sign-in; empty: the preset's.", "")
    department: str = setting_key(
        "Source of a person's department: attribute:NAME, ou (the nearest organizational unit) or group:DN (the person's group below "
        "DN); empty: the preset's.",
        "",
    )
    default_department: str = setting_key("Department of people and lists for which the directory names none.", "general")
    department_codes: tuple[str, ...] = setting_key(
        'Codes for departments whose names make no good ones, such as "Human Resources=hr".', ()
    )
    department_mailboxes: tuple[str, ...] = setting_key('Mailboxes of departments by code, such as "sales=desk@company.example".', ())
    roles: tuple[str, ...] = setting_key('Role addresses of departments by code, such as "sales=info,orders".', ())
    further_addresses: tuple[str, ...] = setting_key(
        "Addresses that only the inner server knows, by department, such as it=tickets,scan@company.example. Their messages are held "
        "in the department's shared folder and passed on to the address itself. A name without a domain is in the first company domain.",
        (),
    )
    postmaster: str = setting_key("Mailbox that gets messages to postmaster@ and abuse@ (source ldap).", "")
    staff_groups: tuple[str, ...] = setting_key(
        "Groups whose members are staff: GROUP-DN => ROLE SCOPE, such as cn=reception,ou=groups,dc=company,dc=example => triage "
        "company. Scopes: company, department:CODE, person:UID, own-department. Rights, such as remove-delivered, follow the scope.",
        (),
    )
    confidential: tuple[str, ...] = setting_key(
        "Confidential folders (source ldap; a directory file says so itself): FOLDER => LOGINS, such as department:hr => hana, leo or "
        "person:ida.lindqvist => hana. Only these staff see the messages.",
        (),
    )
    assistants_triage: bool = setting_key("Assistants in the directory triage the messages of the people they assist.", True)
    leavers: str = setting_key(
        "Where messages for people who have left go. refuse: refused at RCPT. manager: to the nearest manager who works here, else the "
        "department's folder. folder:CODE: to that department's shared folder. Held messages move there too.",
        "refuse",
    )
    leaver_days: int = setting_key("Days after which messages for people who have left are refused in any case.", 90)
    leaver_text: str = setting_key("Reply to the sender in that case, after 550 5.1.6.", "The person who had this address has left")
    identity_attribute: str = setting_key(
        "Attribute that stays the same when a person is renamed and is never given to another one, such as employeeNumber; empty: the "
        "preset's (entryUUID, objectGUID, ipaUniqueID).",
        "",
    )
    leaver_attribute: str = setting_key(
        "Attribute of people that overrides leavers for one person: refuse, manager or folder:CODE; empty: none.", ""
    )
    closed_lists: bool = setting_key(
        "Refuse messages from outside to distribution lists that are for internal use only (Active Directory: msExchRequireAuthToSendTo).",
        True,
    )
    interval: int = setting_key("Seconds between two requests for changes to the LDAP server.", 300)
    full_hours: int = setting_key("Hours after which everything is read again.", 24)
    timeout: int = setting_key("Seconds to wait for each reply of the LDAP server.", 30)
    sign_in_timeout: int = setting_key("Seconds for all requests of one sign-in to the LDAP server.", 2, least=1)
    sync_timeout: int = setting_key("Seconds that one reading of the directory may take in all.", 600)
    page_size: int = setting_key("Entries in each request.", 500)


@dataclass(frozen=True, slots=True)
class Api:
    """The HTTP API and the console."""

    listen: str = setting_key("HOST:PORT of API and console.", "127.0.0.1:8080")
    public_url: str = setting_key("Address in the browsers of staff, such as https://mailroom.example; empty: http://LISTEN.", "")
    proxies: tuple[str, ...] = setting_key(
        "Addresses or networks of the proxy in front of the console, if it runs on another machine or in another container. Mailroom "
        "then believes its X-Forwarded-For. Otherwise all its clients count as one when a person guesses passwords.",
        (),
    )
    metrics: tuple[str, ...] = setting_key(
        "Networks whose clients may read /metrics (Prometheus); empty: none.", ("127.0.0.0/8", "::1/128")
    )
    sign_in: tuple[str, ...] = setting_key(
        "How staff sign in, one or several ways. oidc: at the providers of [identity]. passkey: with a passkey alone, added in the "
        "console before. proxy: by sign_in_header. directory: with the LDAP password. local: with a password that Mailroom keeps.",
        ("local",),
        choices=("oidc", "passkey", "proxy", "directory", "local"),
    )
    sign_in_proxies: tuple[str, ...] = setting_key(
        "For proxy: addresses or networks of the proxy that names who has signed in there. The header of everybody else is dropped.", ()
    )
    sign_in_header: str = setting_key("For proxy: the header with the login, such as X-Auth-Request-User.", "Remote-User")
    require_second_factor: tuple[str, ...] = setting_key(
        "Roles that need a second factor to sign in: a passkey or an authenticator app.", (), choices=("triage", "admin", "auditor")
    )
    step_up_minutes: int = setting_key(
        "Minutes after which actions with large effects ask for the second factor again (docs/how-to/staff-accounts.md).", 10, least=1
    )
    session_hours: int = setting_key("Hours after which staff sign in again.", 12, least=1)
    idle_lock_minutes: int = setting_key("Minutes without a request after which the console locks.", 30, least=1)
    pin_networks: tuple[str, ...] = setting_key(
        "Networks where a PIN opens a locked console again, such as that of a reception; empty: nowhere (docs/how-to/staff-accounts.md).",
        (),
    )
    pin_minutes: int = setting_key("Minutes after a person's last act in which the PIN opens it; later they sign in.", 240, least=1)
    previews: bool = setting_key(
        "Show PDF and image attachments as pictures where a sandbox without network can draw them (docs/how-to/attachment-previews.md).",
        True,
    )
    token_requests_per_minute: int = setting_key("Most requests a minute by one token; 0: no limit.", 600)


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity providers at which staff sign in (docs/how-to/single-sign-on.md)."""

    providers: Providers = setting_key(
        "Tables [identity.providers.NAME] (docs/how-to/single-sign-on.md) with issuer, client_id, client_secret_file, title (for the "
        "sign-in page), scopes, login_claim, name_claim, groups_claim. Lines of groups: `mailroom-admins => admin company`. "
        "With link_by_login = true an existing account belongs to the user whose login claim names it. With second_factor = true the "
        "provider always asks for one.",
        (),
    )
    timeout: int = setting_key("Seconds for all requests of one sign-in to the provider.", 2, least=1)
    clock_skew: int = setting_key("Seconds by which the clocks of provider and this machine may differ.", 120)
    ca_file: str = setting_key("PEM file of the authorities that sign the providers' certificates; empty: those of the system.", "")
    close_days: int = setting_key(
        "Days after the last sign-in at which an account made by a provider is closed, with its tokens.", 30, least=1
    )


@dataclass(frozen=True, slots=True)
class Coverage:
    """Office hours, and what happens to held messages out of hours."""

    hours: tuple[str, ...] = setting_key('Office hours, such as "mon-fri 08:00-18:00"; empty: always.', ())
    time_zone: str = setting_key("Time zone of these hours, such as Europe/Berlin (IANA).", "UTC")
    out_of_hours: str = setting_key(
        "What happens to held messages out of hours. wait: they stay held. pass-time-limited: time-limited messages of proven senders "
        "are delivered. substitute:LOGIN: that member of staff sees them too.",
        "wait",
    )
    deliver_undecided: tuple[str, ...] = setting_key(
        'Departments whose held messages are delivered when nobody has decided after so many minutes of office hours, such as "sales=240". '
        "Only first messages of unknown senders without any warning. Forecast it first (`mailroom enforcement undecided`). Empty: none.",
        (),
    )
    deliver_undecided_always: bool = setting_key("Deliver them out of hours too, and count every minute.", False)
    pass_listed_codes: bool = setting_key(
        "Deliver time-limited messages of senders of the start list at any hour: DMARC passes, a listed domain signed it, and an earlier "
        "proven message of that domain was delivered here. Never of platforms that anybody can send through.",
        False,
    )
    departments: tuple[str, ...] = setting_key(
        'Departments with another policy, such as "sales=pass-time-limited" or "board=substitute:ana".', ()
    )
    people: tuple[str, ...] = setting_key(
        'People (uid) whose folders have another policy than their department, such as "nora.falk=wait".', ()
    )


@dataclass(frozen=True, slots=True)
class Retention:
    """Retention periods: a message's content is erased first, its record much later."""

    held_days: int = setting_key("Days after which a held message without a decision expires.", 30, least=1)
    expire_unseen: bool = setting_key(
        "Let held messages expire even if no daily digest named them to their recipients. Otherwise they stay held until staff decide, "
        "and staff get an alert with their number.",
        False,
    )
    purged_days: int = setting_key("Days for which a removal can be undone.", 30)
    released_days: int = setting_key("Days for which the content of delivered messages is kept.", 30)
    notice_days: int = setting_key("Days for which the content of our notices to senders is kept.", 7)
    record_days: int = setting_key(
        "Days after its end for which a message's record is kept: sender, recipient, subject, decisions. It is never deleted before "
        "the content.",
        400,
        least=1,
    )
    refused_days: int = setting_key(
        "Days for which `mailroom where` finds messages that the SMTP server refused: sender, recipient, client and reply.", 14, least=1
    )
    audit_days: int = setting_key("Days for which audit log entries are kept; the rest of the chain still verifies.", 1095)


@dataclass(frozen=True, slots=True)
class Audit:
    """Signed checkpoints of the audit log, outside the database."""

    checkpoints: str = setting_key(
        "Directory to which `mailroom upkeep` adds signed checkpoints; empty: none. Copy it to another machine.", ""
    )
    key_file: str = setting_key("PEM file of the private key that signs them, Ed25519; `mailroom audit key FILE` makes one.", "", file=True)
    public_key: str = setting_key("The public key, to verify without the private one.", "")
    checkpoint_seconds: int = setting_key("Seconds between two checkpoints while entries are added.", 300)
    verify_hours: int = setting_key("Hours after which `mailroom upkeep` verifies the whole audit log again; 0: never.", 24)


@dataclass(frozen=True, slots=True)
class Reports:
    """Reports, and what they may say about people who decide."""

    staff: str = setting_key(
        "What is measured about people who decide. none: neither keys nor time. totals: of all together. people: of each, visible to "
        "administrators, auditors and the person. Agree on it with your works council.",
        "totals",
        choices=("none", "totals", "people"),
    )
    least_people: int = setting_key("Totals about people are shown only for at least this many people.", 3)
    employee_seconds: int = setting_key("Seconds that an employee would have spent on a removed message, for the hours saved.", 20)
    staff_seconds: int = setting_key("Seconds that staff need for a row, where it was not measured.", 20)
    dmarc_address: str = setting_key(
        "Your address to which receivers send DMARC aggregate reports (`rua` in your DMARC record). It needs no mailbox: reports are "
        "counted and removed. Empty: none.",
        "",
    )
    dmarc_days: int = setting_key("Days for which these counts are kept.", 400, least=1)


@dataclass(frozen=True, slots=True)
class Training:
    """Known messages: copies of decided messages that come into the queue like others, to show reviewers what they miss."""

    known_messages: int = setting_key(
        "Known messages a day for each reviewer who decided on that day; 0: none. Agree on it with your works council.", 0
    )
    known_message_hours: int = setting_key("Hours after which a known message without an answer is withdrawn.", 24, least=1)


@dataclass(frozen=True, slots=True)
class Notices:
    """Notices to proven outside senders, alerts to staff, and the daily digest."""

    failures: bool = setting_key("Notify a sender when a message could not be delivered.", True)
    delay: int = setting_key("Seconds until a failure notice is sent. Failures of other copies join it; a retry cancels it.", 60)
    sender: str = setting_key("Address that notices come from and replies go to; empty: postmaster@ the first of company.domains.", "")
    failure_text: str = setting_key(
        "Text of the failure notice, with {subject}, {recipient}, {sender}, {date}, {company} and {reason}.",
        mark(
            "Your message “{subject}” of {date} to {recipient} could not be delivered.\n\n{reason}\n\n"
            "The mail system of {company} generated this message."
        ),
    )
    expiry: bool = setting_key("Notify a sender when a held message expires without a decision.", False)
    expiry_text: str = setting_key(
        "Text of that notice, with {subject}, {recipient}, {sender}, {date} and {company}.",
        mark(
            "Your message “{subject}” of {date} to {recipient} was not delivered: nobody at {company} reviewed it in time. "
            "If it is still important, please contact them in another way."
        ),
    )
    opened_text: str = setting_key(
        "Text to employees who had opened a message that was removed, with {subject}, {sender}, {date}, {name} and {company}.",
        mark(
            "The message “{subject}” from {sender} was harmful. It was removed from your mailbox on {date}.\n\n"
            "Did you follow a link in it, open an attachment, enter a password or reply? Then call IT now. "
            "Otherwise you do not have to do anything."
        ),
    )
    abuse_reports_to: str = setting_key(
        "Address that gets a report (ARF, RFC 5965) with each message that staff removed, whole and with its recipients' addresses: an "
        "hour later, one a campaign, never from confidential folders. Empty: none.",
        "",
    )
    alerts: tuple[str, ...] = setting_key(
        "Alerts that staff on duty get by email (docs/how-to/alerts.md).",
        (
            "waiting",
            "expiring",
            "unseen",
            "requested",
            "brake",
            "outgoing",
            "emergency",
            "removal",
            "break-glass",
            "owners",
            "fuse",
            "suspicious-delivered",
            "mail-bomb",
            "known-sender",
            "sends-differently",
            "many-recipients",
            "hunt",
        ),
        choices=CAUSES,
    )
    alerts_at_night: tuple[str, ...] = setting_key(
        "The alerts that are sent out of hours too (coverage.hours).", ("removal", "break-glass", "hunt"), choices=CAUSES
    )
    removal_messages: int = setting_key(
        "Administrators get an alert, with a way to undo, at once when a removal takes more messages than this; 0: never.", 50
    )
    removal_recipients: tuple[str, ...] = setting_key(
        "Who gets the alert about large removals besides company-wide administrators, by login or an address of yours.",
        (),
    )
    target_minutes: int = setting_key("Minutes of working time after which a possibly wanted message has waited too long; 0: no limit.", 0)
    targets: tuple[str, ...] = setting_key('Departments and people with another target, such as "sales=30" or "person:joe.fern=15".', ())
    alert_recipients: tuple[str, ...] = setting_key(
        "Who gets a department's alerts instead of its staff on duty: a login or an address of yours, such as "
        '"sales=desk@company.example".',
        (),
    )
    new_sign_in_address: bool = setting_key(
        "Tell the owner of a staff account by email when it signed in from a network address that it did not use lately.", True
    )
    requests: bool = setting_key(
        "Let employees sign in at PUBLIC_URL/ask with the directory's passwords (api.sign_in needs directory). They see sender and "
        "subject of their held and removed messages, and can request them.",
        False,
    )
    digest_at: str = setting_key(
        "When the daily digest lists held and removed messages to employees, with sender and subject, on working days. A time such as "
        "16:00 (coverage.time_zone). auto: at 08:30, to people in departments that hold messages (company.enforcement, `mailroom "
        "enforcement`). off or empty: never; then held messages do not expire (retention.expire_unseen).",
        AUTO,
    )
    digest_departments: tuple[str, ...] = setting_key("Departments whose people get the digest; empty: all.", ())
    digest_never: tuple[str, ...] = setting_key(
        "People who get no digest, by uid or address, such as a mailbox that several people read. Mailboxes that the directory does "
        "not give to one person alone get none in any case.",
        (),
    )
    digest_contact: str = setting_key("Whom to ask, as the digest says it, such as the telephone number of reception.", "")
    quiet_minutes: int = setting_key("Minutes until the same alert is sent to the same person again.", 60)
    outgoing_minutes: int = setting_key("Minutes that messages may wait for a next hop or for recall before an alert; 0: no alert.", 30)
    outgoing_bounces: int = setting_key(
        "Messages to your people that a next hop may refuse within an hour before an alert; 0: no alert.", 20
    )


@dataclass(frozen=True, slots=True)
class Webhooks:
    """HTTP calls to other programs (docs/reference/webhooks.md)."""

    hooks: Hooks = setting_key(
        "Tables [webhooks.hooks.NAME] with url or url_file; secret_file (keys that sign each call); format (json, slack, teams); "
        "events (empty: all); departments (empty: all); details = true (name senders and subjects).",
        (),
    )
    timeout: int = setting_key("Seconds for one call.", 10)
    give_up_after: int = setting_key("Hours of retries after which a call is given up.", 72)
    ca_file: str = setting_key("PEM file of the authorities that sign the receivers' certificates; empty: those of the system.", "")
    push_key_file: str = setting_key(
        "PEM file of the P-256 key that signs web push to browsers of staff (docs/reference/webhooks.md); empty: no web push.", ""
    )
    push_services: tuple[str, ...] = setting_key(
        "Hosts of the browser makers' servers that web push may go to; *.DOMAIN stands for all below it.",
        ("fcm.googleapis.com", "updates.push.services.mozilla.com", "web.push.apple.com", "*.notify.windows.com"),
    )


@dataclass(frozen=True, slots=True)
class Siem:
    """Security events, such as sign-ins and changes of rights, for other systems (docs/how-to/siem.md). The role `webhooks` sends them."""

    lines: str = setting_key(
        "A file that gets a JSON object a line (Elastic Common Schema), or stdout, which systemd puts into the journal; empty: none.", ""
    )
    syslog: str = setting_key(
        "HOST:PORT of a syslog server that takes TLS (RFC 5425), usually port 6514, such as siem.company.example:6514; empty: none.", ""
    )
    ca_file: str = setting_key("PEM file of the authorities that sign its certificate; empty: those of the system.", "")
    certificate_file: str = setting_key("PEM file of our certificate, where the server asks for one; empty: none.", "")
    key_file: str = setting_key("PEM file of its private key; empty: it is in certificate_file.", "")
    timeout: int = setting_key("Seconds for one connection.", 10, least=1)


@dataclass(frozen=True, slots=True)
class Escalation:
    """Duties to which staff escalate threats and legal matters (docs/how-to/work-the-quarantine.md)."""

    duties: Duties = setting_key(
        "Tables [escalation.duties.NAME], NAME one of security, management, legal, data-protection, with title; phone (shown at once); "
        "staff (logins that confirm and get a notice; empty: the person who decides confirms); address (of yours, gets the notice "
        "too). The default has all four, without a phone number.",
        USUAL,
    )


@dataclass(frozen=True, slots=True)
class Reject:
    """Texts with which staff reject a message."""

    templates: Texts = setting_key(
        "Texts by name, in TOML a table [reject.templates]. They may name {subject}, {recipient}, {sender}, {date} and {company}.",
        (
            (
                "not-wanted",
                mark(
                    "Thank you for your message “{subject}” of {date} to {recipient}.\n\n"
                    "We reviewed it and did not deliver it: we do not want messages of this kind. Please do not send any more of them."
                ),
            ),
            (
                "wrong-address",
                mark(
                    "Thank you for your message “{subject}” of {date}.\n\n"
                    "{recipient} is not the right address for it, so we did not deliver it. "
                    "You can find the right address on our website."
                ),
            ),
            (
                "no-such-attachments",
                mark(
                    "Thank you for your message “{subject}” of {date} to {recipient}.\n\n"
                    "We did not deliver it, because we do not accept attachments of this kind. Please send it again as PDF or plain text."
                ),
            ),
        ),
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """Policy for holding and removing messages, and for approvals."""

    dmarc_reject: str = setting_key(
        "What happens to messages that the author domain's DMARC policy would reject.", "hold", choices=("hold", "purge")
    )
    own_domain_forged: str = setting_key(
        "What happens to messages that claim to be from your domains and are not.", "hold", choices=("hold", "purge")
    )
    trusted_arc_sealers: tuple[str, ...] = setting_key(
        "Domains of forwarders and lists whose ARC seals (RFC 8617) Mailroom believes. Rules can then require the proof arc:DOMAIN.", ()
    )
    dns_lists: tuple[str, ...] = setting_key(
        "DNS blocklists to ask about clients (RFC 5782), as ZONE or ZONE=CODE;CODE, such as zen.example.org=127.0.0.2-11. Messages "
        "from listed clients are removed on arrival, except from allowed, proven senders. Empty: none.",
        (),
    )
    rspamd_url: str = setting_key(
        "http://HOST:PORT of your Rspamd's normal worker. Its result is shown; what it would reject counts as listed. Empty: not asked.",
        "",
    )
    rspamd_timeout: int = setting_key("Seconds to wait for Rspamd's answer about one message.", 8)
    rspamd_learn_url: str = setting_key(
        "http://HOST:PORT of your Rspamd's controller worker, which must let this machine in (secure_ip). What staff released or removed "
        "is sent to it to learn from, a message a campaign, an hour later; never from confidential folders. Empty: nothing is sent.",
        "",
    )
    clamd: str = setting_key("Your ClamAV: path of clamd's socket, such as /run/clamav/clamd.ctl, or HOST:PORT; empty: not asked.", "")
    clamd_timeout: int = setting_key("Seconds to wait for ClamAV's answer about one message.", 10)
    virus: str = setting_key("What happens to messages in which ClamAV found a virus.", "hold", choices=("hold", "purge"))
    listed_sample: int = setting_key("One in this many messages from listed clients is held for review instead of removed; 0: none.", 50)
    hold_known: tuple[str, ...] = setting_key(
        "Checks that hold a message of a known sender when it is unlike them (docs/reference/signals.md). Empty: none.",
        ("bank-details", "password-form", "link-text", "attachment", "disguised"),
        choices=("bank-details", "password-form", "link-text", "attachment", "disguised", "account"),
    )
    hold_known_trial_days: int = setting_key("Days for which a new check only reports what it would hold; 0: it holds at once.", 14)
    hold_known_a_day: int = setting_key(
        "A check that holds messages of this many senders (domains) on one day (UTC) only reports from then on, with an alert, until an "
        "administrator resumes it. So many messages of one sender stay held, with an alert. 0: no limit.",
        20,
    )
    renew_proof_days: int = setting_key(
        "Days (UTC) with harmless messages after which a new way of sending of a known sender's domain counts as usual. Until then its "
        "messages that look suspicious in any way are held. 0: ways of sending are not compared.",
        3,
    )
    approvals: tuple[str, ...] = setting_key(
        "Actions that need approval by a second person. Allow a whole domain or mailing list for the company (domain-allow), or a sender "
        "whatever a message contains (unchecked-allow). Release a message whose signals say that it imitates one of us (risky-release). "
        "Remove more copies than approval_purge_copies (large-purge). Remove delivered messages from more than approval_mailboxes "
        "mailboxes, not dangerous ones, or by domain or search (remove-delivered); staff with this right need no approval. Erase a "
        "person's data (person-erasure). Remove or redirect messages by a rule on content (content-rule). Allow a service "
        "through which anybody can send (platform-allow). Empty: none.",
        ("unchecked-allow", "remove-delivered", "content-rule", "platform-allow"),
        choices=(
            *("domain-allow", "unchecked-allow", "large-purge", "risky-release", "person-erasure", "remove-delivered", "content-rule"),
            "platform-allow",
        ),
    )
    approval_purge_copies: int = setting_key(
        "A removal that takes more copies than this from mailboxes counts as large (large-purge).", 100
    )
    approval_mailboxes: int = setting_key(
        "A removal of delivered messages from more mailboxes than this needs approval (remove-delivered).", 50
    )
    learn_order: bool = setting_key(
        "What staff decided in the last 90 days about messages with the same signs moves new ones in the queue. It decides nothing "
        "(docs/reference/signals.md).",
        False,
    )
    undo_seconds: int = setting_key("Seconds that a release waits before the message leaves.", 10)
    late_copies_hours: int = setting_key(
        "Hours for which a removal by sender or domain also removes late copies on arrival. Undoing it holds them again. 0: not at all.",
        72,
    )
    block_hold_hours: int = setting_key(
        "Hours for which a block that came with a removal only holds messages, so that undo is complete. Then it refuses or removes them.",
        24,
    )
    block_days: int = setting_key(
        "Days after which such a block of an address or domain ends. A campaign's block ends 7 days after its last copy.", 90
    )
    dangerous_attachments: tuple[str, ...] = setting_key(
        "File name endings that hold a message; also double endings (invoice.pdf.html), such names within archives, encrypted or "
        "unreadable archives, and files that are dangerous by their bytes (docs/how-to/rules.md). Empty: no attachment holds a message.",
        (
            ".exe",
            ".scr",
            ".com",
            ".pif",
            ".bat",
            ".cmd",
            ".js",
            ".jse",
            ".vbs",
            ".vbe",
            ".wsf",
            ".wsh",
            ".hta",
            ".msi",
            ".msix",
            ".appx",
            ".ps1",
            ".lnk",
            ".url",
            ".scf",
            ".reg",
            ".cpl",
            ".dll",
            ".jar",
            ".chm",
            ".xll",
            ".one",
            ".iso",
            ".img",
            ".vhd",
            ".vhdx",
            ".ws",
            ".wsc",
            ".sct",
            ".vb",
            ".msc",
            ".msp",
            ".mst",
            ".inf",
            ".gadget",
            ".hlp",
            ".rdp",
            ".iqy",
            ".slk",
            ".udl",
            ".theme",
            ".website",
            ".library-ms",
            ".search-ms",
            ".searchconnector-ms",
            ".settingcontent-ms",
            ".diagcab",
            ".application",
            ".appref-ms",
            ".appinstaller",
            ".appxbundle",
            ".msixbundle",
            ".jnlp",
            ".vsto",
            ".ade",
            ".adp",
            ".mde",
            ".accde",
            ".docm",
            ".dotm",
            ".xlsm",
            ".xltm",
            ".xlsb",
            ".xlam",
            ".pptm",
            ".potm",
            ".ppam",
            ".sldm",
            ".xla",
            ".ppa",
            ".wll",
            ".py",
            ".pyw",
            ".pyz",
            ".ps1xml",
            ".onepkg",
            ".wim",
            ".mht",
            ".mhtml",
            ".dmg",
            ".desktop",
        ),
    )
    freemail_domains: tuple[str, ...] = setting_key(
        "Domains where anybody can have an address. They are never allowed as a whole, and proof counts for a single address only.",
        freemail_domains.PROVIDERS,
    )
    open_platforms: tuple[str, ...] = setting_key(
        "Services through which anybody can send messages, such as requests to sign, pay or fill in a form. Allowing one as a whole needs "
        "approval (platform-allow), and its messages are always checked as those of known senders are.",
        open_platforms.PLATFORMS,
    )
    simulations: Simulations = setting_key(
        "Phishing simulations, a table [policy.simulations.NAME] each, with dkim (the domain that signs), from and until (times with an "
        "offset, at most 92 days apart). A message with a complete, passing signature of that domain is delivered in that time whatever it "
        "looks like, except with a virus. It is in no queue, removal or statistic. A report of it is answered at once "
        "(docs/how-to/keep-reviewers-sharp.md).",
        (),
    )


@dataclass(frozen=True, slots=True)
class Confidential:
    """Confidential folders: only their keepers see the messages (docs/how-to/confidential-folders.md)."""

    join_removals: tuple[str, ...] = setting_key(
        "Confidential folders, such as department:hr, whose keepers agreed that the removal of a campaign also takes its copies there "
        "without asking. It applies only if at least ten people outside confidential folders had a copy, never by sender, domain or "
        "search. Empty: keepers are asked each time.",
        (),
    )


@dataclass(frozen=True, slots=True)
class Floods:
    """When many messages share one row as a mail bomb."""

    per_sender: int = setting_key(
        "Held messages of one sender to one folder within an hour above which they share a row as a mail bomb. 0: never.", 30
    )
    per_folder: int = setting_key(
        "Held messages to one folder within an hour above which unproven strangers' and programs' messages share a row as a mail bomb. "
        "Proven personal messages, and those of senders released before, keep their rows. 0: never.",
        100,
    )


@dataclass(frozen=True, slots=True)
class Logs:
    """Log output of each role on standard error: one line an event (docs/how-to/monitoring.md)."""

    format: str = setting_key("text: for people. json: an object a line, with named values.", "text", choices=("text", "json"))
    level: str = setting_key("The lowest level that is written.", "info", choices=("debug", "info", "warning", "error"))


@dataclass(frozen=True, slots=True)
class Client:
    """Remote Mailroom server that the command line asks (docs/reference/cli.md). A file with this section alone will do."""

    server: str = setting_key("https:// address of the server that `mailroom` asks instead of this machine; empty: this machine.", "")
    token_file: str = setting_key("File with the token for it, in one line.", "")
    ca_file: str = setting_key("PEM file of the authorities that sign its certificate; empty: those of the system.", "")
    plain: bool = setting_key("Allow http:// to that server, where the network is trusted.", False)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, one section a field."""

    company: Company
    database: Database = Database()
    spool: Spool = Spool()
    smtp: Smtp = Smtp()
    relay: Relay = Relay()
    outbound: Outbound = Outbound()
    journal: Journal = Journal()
    recall: Recall = Recall()
    mirror: Mirror = Mirror()
    dns: Dns = Dns()
    directory: Directory = Directory()
    api: Api = Api()
    identity: Identity = Identity()
    coverage: Coverage = Coverage()
    retention: Retention = Retention()
    audit: Audit = Audit()
    reports: Reports = Reports()
    training: Training = Training()
    policy: Policy = Policy()
    confidential: Confidential = Confidential()
    floods: Floods = Floods()
    notices: Notices = Notices()
    webhooks: Webhooks = Webhooks()
    siem: Siem = Siem()
    reject: Reject = Reject()
    escalation: Escalation = Escalation()
    logs: Logs = Logs()
    client: Client = Client()

    @property
    def authserv_id(self) -> str:
        """Our name in Authentication-Results."""
        return self.company.authserv_id or self.company.hostname

    @property
    def takes_outbound(self) -> bool:
        """Whether anybody may hand over employees' mail."""
        return bool(self.outbound.networks or self.outbound.accounts_file or self.outbound.submit_directory)

    @property
    def sends_webhooks(self) -> bool:
        """Whether there is a program elsewhere to tell what happens here: a webhook, a SIEM, a browser by web push."""
        return bool(self.webhooks.hooks or self.webhooks.push_key_file or self.siem.lines or self.siem.syslog)

    @property
    def has_way_out(self) -> bool:
        """Whether there is a server that takes employees' mail to the outside."""
        return bool(self.outbound.smarthost or self.relay.smarthost)

    @property
    def reaches_mailboxes(self) -> bool:
        """Whether delivered messages can be removed from mailboxes."""
        next_hops = [self.relay.next_hop, *(route.partition("=")[2].strip() for route in self.relay.routes)]
        return bool(self.recall.imap) or any(next_hop.startswith("maildir:") for next_hop in next_hops)

    @property
    def sender(self) -> str:
        """The address that messages of ours come from."""
        return self.notices.sender or f"postmaster@{self.company.domains[0]}"

    @property
    def own_domains(self) -> frozenset[str]:
        """The company's domains, folded."""
        return frozenset(self.company.domains)

    @property
    def report_partners(self) -> frozenset[str]:
        """Domains of partners, folded; never one of ours, and none where anybody can have an address."""
        return frozenset(self.outbound.report_partners) - self.own_domains - frozenset(self.policy.freemail_domains)

    @property
    def partner_addresses(self) -> frozenset[str]:
        """The address to which partners forward messages, folded; none without partners."""
        return frozenset({self.outbound.report_address.casefold()} - {""}) if self.report_partners else frozenset()

    @property
    def dmarc_addresses(self) -> frozenset[str]:
        """The address for DMARC reports, folded; none without one."""
        return frozenset({self.reports.dmarc_address.casefold()} - {""})


def every_key() -> Iterator[tuple[str, str, Field[Any]]]:
    """Yields each setting: its section, its name and its field, whose metadata documents it."""
    for section in fields(Settings):
        for one in fields(section_type(section.name)):
            yield section.name, one.name, one


def section_type(name: str) -> Any:
    """The dataclass of a section."""
    return type_hints(Settings)[name]


@cache
def type_hints(kind: type) -> dict[str, Any]:
    """Returns the types of a dataclass's fields by name. They are resolved once: all sections together take 10 ms."""
    return get_type_hints(kind)


def host_port(listen: str, where: str) -> tuple[str, int]:
    """Split HOST:PORT, also [IPv6]:PORT; BadInput names the setting."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise BadInput(f"{where} must be HOST:PORT, such as 127.0.0.1:2525, not “{listen}”")
    return host.strip("[]"), int(port)
