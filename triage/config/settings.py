"""One frozen Settings: every section and key, each with what it is for and what it is without being given."""

from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from triage.addressing import freemail_domains
from triage.addressing.subaddress import DELIMITERS
from triage.config.alert_types import AUTO, CAUSES
from triage.config.duties import USUAL, Duty
from triage.config.identity_providers import Provider
from triage.config.webhooks import Hook
from triage.errors import BadInput
from triage.say import mark
from triage.text.i18n import ENGLISH, LANGUAGES

Texts = tuple[tuple[str, str], ...]  # a table of texts by name, in its order
Hooks = tuple[Hook, ...]  # a table of tables by name
Duties = tuple[Duty, ...]  # likewise
Providers = tuple[Provider, ...]  # likewise


def setting_key(doc: str, default: Any = MISSING, *, choices: tuple[str, ...] = (), file: bool = False, least: int = 0) -> Any:
    """A documented setting. Without a default it must be given. `file`: it names a file that may be a secret. `least`: of a number."""
    return field(default=default, metadata={"doc": doc, "choices": choices, "file": file, "least": least})


@dataclass(frozen=True, slots=True)
class Company:
    """Who we are."""

    domains: tuple[str, ...] = setting_key("The company's own mail domains; mail is accepted for these only.")
    hostname: str = setting_key("Name of this machine in SMTP greetings and Received fields.")
    authserv_id: str = setting_key("Name in our Authentication-Results (RFC 8601); default: hostname.", "")
    enforcement: str = setting_key(
        "What is held where `mailroom enforcement` sets nothing else. record-only: nothing but blocked messages and forgeries of our "
        "domains, and what would have been held is recorded. hold-dangerous: what is dangerous. hold-unknown: all from unknown senders.",
        "hold-unknown",
        choices=("record-only", "hold-dangerous", "hold-unknown"),
    )
    record_only_departments: tuple[str, ...] = setting_key("Department codes in record-only mode, whatever the company's enforcement.", ())
    plain: bool = setting_key(
        "Hold nothing: what would be held goes at once to DEPARTMENT+PERSON, a folder of the department's account "
        "(docs/how-to/mail-clients.md).",
        False,
    )
    language: str = setting_key(
        "The language of letters to employees, staff and senders; those outside read English below it. In the console everybody chooses.",
        ENGLISH,
        choices=LANGUAGES,
    )
    delimiter: str = setting_key(
        "Stands between department and person in triage addresses, and before the detail of a sub-address (anna+shop@).",
        "+",
        choices=DELIMITERS,
    )


@dataclass(frozen=True, slots=True)
class Database:
    """Where the record is kept."""

    url: str = setting_key("sqlite:///PATH or postgresql://USER@HOST/NAME.", "sqlite:///var/mailroom.db")
    listen_url: str = setting_key(
        "The same PostgreSQL without the pooler in between, if there is one that pools transactions (PgBouncer), so that machines can wake "
        "each other; empty: database.url.",
        "",
    )


@dataclass(frozen=True, slots=True)
class Spool:
    """Where accepted mail waits for the judge."""

    directory: Path = setting_key("Directory of the incoming spool, the door snapshot and the bells; on a local disk.", Path("var/spool"))


@dataclass(frozen=True, slots=True)
class Smtp:
    """The door for strangers' mail."""

    listen: str = setting_key("HOST:PORT to accept mail on.", "127.0.0.1:2525")
    lmtp_listen: str = setting_key("HOST:PORT or path of a unix socket to accept mail on by LMTP, for edge MTAs only; empty: none.", "")
    workers: int = setting_key("Processes that accept mail side by side.", 1)
    trusted_edges: tuple[str, ...] = setting_key("Networks of our own edge MTAs, or of proxies: see docs/how-to/edge-servers.md.", ())
    edge_protocol: str = setting_key(
        "How trusted_edges name the client. xforward: MTAs that have accepted the mail (XFORWARD, Postfix); "
        "proxy: balancers that pass the client's connection through (PROXY protocol, versions 1 and 2).",
        "xforward",
        choices=("xforward", "proxy"),
    )
    trusted_authserv_ids: tuple[str, ...] = setting_key(
        "Names in Authentication-Results fields (RFC 8601) that are believed on mail from trusted edges.", ()
    )
    edge_token: str = setting_key(
        "What the trusted edges put into a field X-Mailroom-Edge of each message; needed where strangers share their networks "
        "(Microsoft 365, Google). Mail without it is taken for a stranger's. A secret: give it as a credential file.",
        "",
    )
    inside_networks: tuple[str, ...] = setting_key(
        "Networks of the company's own machines. What a trusted edge took from there passes as internal; the edge must name the client "
        "(XFORWARD).",
        (),
    )
    signed_in_hosts: tuple[str, ...] = setting_key(
        "Host names of trusted edges (Postfix) that name themselves in the topmost Received field. What they took from somebody who "
        "signed in (ESMTPA, ESMTPSA), or from a program on the edge, passes as internal.",
        (),
    )
    unknown_recipients: str = setting_key(
        "What is said to addresses of ours that the directory does not know. refuse: 550; defer: 450, so that senders' servers try again "
        "for days, as long as the directory may have forgotten some.",
        "refuse",
        choices=("refuse", "defer"),
    )
    blocked_text: str = setting_key(
        "What a blocked sender is told, behind 550 5.7.1. Name a way back in, such as a phone number; mail to postmaster is always taken. "
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
        "Seconds that one connection may last. A message that takes longer is heard to its end as long as 4 KiB a second come.",
        1800,
        least=1,
    )
    max_hops: int = setting_key("Received fields after which a message is taken for a loop.", 50, least=1)
    tls_cert: str = setting_key("PEM file of the certificate chain; empty: no STARTTLS.", "", file=True)
    tls_key: str = setting_key("PEM file of its private key.", "", file=True)


@dataclass(frozen=True, slots=True)
class Relay:
    """The way to the people's mailboxes."""

    next_hop: str = setting_key(
        "smtp://HOST:PORT, lmtp://HOST:PORT, lmtp:///SOCKET or maildir:DIRECTORY; smtps:// and lmtps:// for TLS from the first byte.",
        "maildir:var/mailboxes",
    )
    routes: tuple[str, ...] = setting_key(
        "Other next hops, the first that fits: department:CODE=NEXT_HOP or domain:DOMAIN=NEXT_HOP (of the mailbox).", ()
    )
    smarthost: str = setting_key("Next hop of mail to the outside, such as our notices; empty: next_hop.", "")
    concurrency: int = setting_key("Transactions under way at once, for each next hop.", 4)
    timeout: int = setting_key("Seconds to wait for each of the next hop's answers.", 60, least=1)
    final_timeout: int = setting_key(
        "Seconds to wait for the answer after the final dot; who gives up too soon delivers twice (RFC 5321, 4.5.3.2.6: 10 minutes).",
        600,
        least=1,
    )
    tls: str = setting_key(
        "opportunistic: STARTTLS where it is offered; required: encrypted or not at all; verify: and the certificate must be good; none.",
        "opportunistic",
        choices=("none", "opportunistic", "required", "verify"),
    )
    tls_ca: str = setting_key("PEM file of the authorities that vouch for the next hop; empty: those of the system.", "")
    tls_name: str = setting_key("Name that the next hop's certificate must bear; empty: the host of its URL.", "")
    logins_file: str = setting_key(
        "File of lines NEXT_HOP NAME:PASSWORD for next hops that want us to sign in (RFC 4954), such as a provider's smarthost; over TLS "
        "with a good certificate only, whatever tls says. Read anew for each connection.",
        "",
        file=True,
    )
    token_file: str = setting_key(
        "File with the access token of who has no password in logins_file (XOAUTH2). Read anew for each connection.", "", file=True
    )
    token_command: str = setting_key("Command that prints such a token; {user} in it is the name.", "")
    arc_domain: str = setting_key(
        "Domain that seals what goes on (ARC, RFC 8617), so that the inner server may trust our results; empty: no seal.", ""
    )
    arc_selector: str = setting_key("Where the key of the seal is published: SELECTOR._domainkey.DOMAIN.", "")
    arc_key_file: str = setting_key("PEM file of the seal's private key, RSA or Ed25519, without a password.", "", file=True)
    give_up_after: int = setting_key("Hours after which a delivery that is put off again and again is given up.", 120, least=1)
    keep_detail: bool = setting_key("The next hop understands sub-addresses: anna+shop@ goes on as it is. Maildirs do not.", True)
    original_reverse_path: bool = setting_key("Always pass the original reverse-path on, proven or not (mail flow, point 2).", False)


@dataclass(frozen=True, slots=True)
class Outbound:
    """Employees' mail to the outside: passed on, and learned from (docs/how-to/outgoing-mail.md)."""

    listen: str = setting_key("HOST:PORT that the internal mail server hands employees' mail to.", "127.0.0.1:2526")
    networks: tuple[str, ...] = setting_key(
        "Networks of the internal servers that may do so. With accounts_file empty too, nobody may.", ()
    )
    accounts_file: str = setting_key(
        "File of lines NAME:PASSWORD with which others may sign in, over TLS only (smtp.tls_cert); read anew when it changes.",
        "",
        file=True,
    )
    smarthost: str = setting_key("Next hop of that mail, such as smtp://relay.provider.example:25; empty: relay.smarthost.", "")
    learn: str = setting_key(
        "For whom an address that somebody wrote to is known: person (who wrote), department (theirs), company; none: nothing is learned.",
        "person",
        choices=("person", "department", "company", "none"),
    )
    daily_cap: int = setting_key("New addresses of one employee within 24 hours that count at once; more wait until staff has looked.", 50)
    lapse_days: int = setting_key(
        "Days without a mail either way after which an address is forgotten; seeded ones stay for 60 days at least.", 400
    )
    journal_address: str = setting_key(
        "Copies to this address on the same port are learned from, not passed on: BCC copies, or Exchange journal reports; empty: none.", ""
    )
    report_address: str = setting_key(
        "Address of ours that employees forward mail to which seems odd to them; the internal server hands it over here; empty: none.", ""
    )
    expect_address: str = setting_key(
        "Address of ours that employees write to from whom they expect mail; the internal server hands it over here; empty: none.", ""
    )
    expect_days: int = setting_key("Days after which what somebody expects is forgotten.", 14)
    resources: tuple[str, ...] = setting_key(
        "Local parts of our own addresses that teach nothing, such as meeting rooms; * stands for anything.",
        ("room-*", "room.*", "rooms.*", "meetingroom*", "raum-*", "raum.*", "salle-*", "sala-*", "resource-*", "resource.*"),
    )
    keep_days: int = setting_key("Days the content of mail that was passed on is kept.", 3)
    delay_warning_hours: int = setting_key("Hours a mail waits until whoever of ours wrote it is told, once, that it is late; 0: never.", 4)


@dataclass(frozen=True, slots=True)
class Journal:
    """A copy of every accepted mail for an archive: the envelope, then the mail as it came (docs/how-to/retention-and-privacy.md)."""

    address: str = setting_key("Address of the archive; empty: nothing is copied. It must not lead back to us.", "")
    next_hop: str = setting_key("Where the copies go, such as smtp://archive.company.example:25; empty: relay.next_hop.", "")
    outbound: bool = setting_key("Copy employees' mail that goes out through us too.", True)
    keep_days: int = setting_key("Days that a copy can still be sent anew which somebody gave up, or which came back from the archive.", 30)


@dataclass(frozen=True, slots=True)
class Recall:
    """The way into the people's mailboxes, to take delivered mail out again."""

    imap: str = setting_key(
        "imaps://HOST[:PORT], or imap://HOST[:PORT] with STARTTLS; empty: no recall, but for mail that was delivered into Maildirs.", ""
    )
    auth: str = setting_key(
        "master: one account that may enter every mailbox; per-account: each with its own password; xoauth2: with a token (RFC 7628).",
        "master",
        choices=("master", "per-account", "xoauth2"),
    )
    master_user: str = setting_key("Login of the master account (auth = master).", "")
    separator: str = setting_key(
        "Between mailbox and master user in the login name (Dovecot's auth_master_user_separator); "
        "empty: SASL PLAIN with the mailbox as authorization identity (RFC 4616; Cyrus).",
        "*",
    )
    password_file: str = setting_key(
        "File with the master password; for per-account, lines of ADDRESS:PASSWORD. Read anew for each session.", "", file=True
    )
    token_file: str = setting_key("File with the access token (auth = xoauth2). Read anew for each session.", "", file=True)
    token_command: str = setting_key("Command that prints an access token (auth = xoauth2); {user} in it is the mailbox's login.", "")
    login: str = setting_key(
        "Login name of a mailbox: its whole address, or the part before the @.", "address", choices=("address", "local-part")
    )
    plain: bool = setting_key("Speak with an imap:// server in the clear. On loopback that is so without this.", False)
    ca_file: str = setting_key("PEM file of the authority that signed the IMAP server's certificate; empty: those of the system.", "")
    concurrency: int = setting_key("Mailboxes that are open at once.", 4)
    timeout: int = setting_key("Seconds to wait for the IMAP server's answer.", 30)
    give_up_after: int = setting_key("Hours after which a recall from a mailbox that cannot be reached is given up.", 48)


@dataclass(frozen=True, slots=True)
class Mirror:
    """Held mail in departments' accounts on the company's IMAP server, for triage in a mail program (docs/how-to/mail-clients.md)."""

    departments: tuple[str, ...] = setting_key(
        'Departments and their accounts, such as "it=it@company.example"; empty: nothing is mirrored.', ()
    )
    desks: tuple[str, ...] = setting_key(
        'Who acts when mail is moved within such an account: department and staff login, such as "it=ana".', ()
    )
    staff: tuple[str, ...] = setting_key(
        'Staff with folders for acts in their own account, who act as themselves: login and account, such as "ana=ana@company.example".', ()
    )
    imap: str = setting_key("The IMAP server: imaps://HOST or imap://HOST, which is encrypted by STARTTLS; empty: recall.imap.", "")
    auth: str = setting_key(
        "How to get into the accounts: per-account passwords, a master account, or access tokens.",
        "per-account",
        choices=("master", "per-account", "xoauth2"),
    )
    master_user: str = setting_key("Login of the master account (auth = master).", "")
    separator: str = setting_key(
        "Between account and master account in one login name, such as * for Dovecot; empty: PLAIN names both.", ""
    )
    password_file: str = setting_key(
        "File with the master account's password, or lines of ADDRESS:PASSWORD (auth = per-account). Read anew for each session.",
        "",
        file=True,
    )
    token_file: str = setting_key("File with the access token (auth = xoauth2). Read anew for each session.", "", file=True)
    token_command: str = setting_key("Command that prints an access token (auth = xoauth2); {user} in it is the account's login.", "")
    login: str = setting_key(
        "Login name of an account: its whole address, or the part before the @.", "address", choices=("address", "local-part")
    )
    plain: bool = setting_key("Speak with an imap:// server in the clear. On loopback that is so without this.", False)
    ca_file: str = setting_key("PEM file of the authority that signed the IMAP server's certificate; empty: those of the system.", "")
    timeout: int = setting_key("Seconds to wait for the IMAP server's answer.", 30)
    interval: int = setting_key(
        "Seconds between two looks at each account, 0: four a second; with IDLE what is moved into Release is seen at once.", 1
    )


@dataclass(frozen=True, slots=True)
class Dns:
    """How the judge asks who really sent a message."""

    nameservers: tuple[str, ...] = setting_key("Addresses of resolvers; empty: those of the system.", ())
    timeout: int = setting_key("Seconds for all questions about one message.", 20, least=1)
    zone_file: str = setting_key("Answer from this zone file instead of the network (tests and demo).", "")


@dataclass(frozen=True, slots=True)
class Directory:
    """Who works where."""

    source: str = setting_key("file: people from a TOML file; ldap: from an LDAP server.", "file", choices=("file", "ldap"))
    file: str = setting_key("The TOML file with departments, people and staff.", "company.toml")
    url: str = setting_key("The LDAP server: ldap://HOST is encrypted by StartTLS, ldaps://HOST from the start.", "")
    tls: str = setting_key(
        "verify: encrypt, and check the server's certificate; none: ldap:// in the clear, ldaps:// whoever answers.",
        "verify",
        choices=("verify", "none"),
    )
    tls_ca: str = setting_key("PEM file of the certificates to trust; empty: those of the system.", "")
    bind_dn: str = setting_key("Distinguished name of our account, which needs to read only; empty: anonymous.", "")
    password_file: str = setting_key("File with the password of that account.", "", file=True)
    base: str = setting_key("The entry below which everything is looked for, such as dc=company,dc=example.", "")
    people_base: str = setting_key("The entry below which people are; empty: base.", "")
    group_base: str = setting_key("The entry below which groups are; empty: base.", "")
    preset: str = setting_key("Which attributes say what, to begin with.", "openldap", choices=("openldap", "ad", "freeipa"))
    people_filter: str = setting_key("LDAP filter that finds people; empty: the preset's.", "")
    group_filter: str = setting_key("LDAP filter that finds groups; empty: the preset's.", "")
    uid_attribute: str = setting_key(
        "Attribute with a person's name in triage addresses; of an address the local part; empty: the preset's.", ""
    )
    name_attribute: str = setting_key("Attribute with a person's name as people read it; empty: the preset's.", "")
    mailbox_attribute: str = setting_key("Attribute with the ordinary mail address; empty: the preset's.", "")
    alias_attributes: tuple[str, ...] = setting_key("Attributes with further addresses; empty: the preset's.", ())
    login_attribute: str = setting_key("Attribute with the name that staff sign in with; empty: the preset's.", "")
    department: str = setting_key(
        "Where a person's department is found: attribute:NAME, ou (the nearest organizational unit above the entry) or group:DN "
        "(the group below DN whose member the person is); empty: the preset's.",
        "",
    )
    default_department: str = setting_key("Department of people and groups for whom the directory names none.", "general")
    department_codes: tuple[str, ...] = setting_key(
        'Codes for departments whose names make no good ones, such as "Human Resources=hr".', ()
    )
    department_mailboxes: tuple[str, ...] = setting_key('Mailboxes of departments by code, such as "sales=desk@company.example".', ())
    roles: tuple[str, ...] = setting_key('Role addresses of departments by code, such as "sales=info,orders".', ())
    further_addresses: tuple[str, ...] = setting_key(
        "Addresses that LDAP does not give and the server behind knows, by department, such as it=tickets,scan@company.example: their mail "
        "is held in the department's shared folder and passed on to the address itself. A bare name is in the first company domain.",
        (),
    )
    postmaster: str = setting_key("Mailbox that takes mail to postmaster@ and abuse@ (source ldap).", "")
    staff_groups: tuple[str, ...] = setting_key(
        "Who triages: GROUP-DN => ROLE SCOPE, such as cn=reception,ou=groups,dc=company,dc=example => triage company; "
        "scopes are company, department:CODE, person:UID, own-department. Rights, such as remove-delivered, stand behind the scope.",
        (),
    )
    sealed: tuple[str, ...] = setting_key(
        "Departments and persons whose mail only the named staff see (source ldap; a directory file says so itself): "
        "FOLDER => LOGINS, such as department:hr => hana, leo or person:ida.lindqvist => hana.",
        (),
    )
    assistants_triage: bool = setting_key("Whom the directory names as somebody's assistant triages that person's mail.", True)
    leavers: str = setting_key(
        "Where mail for people who have left goes: refuse (at the door), manager (the nearest manager who works here; else their "
        "department's folder), folder:CODE (that department's shared folder). What is held for them goes there too.",
        "refuse",
    )
    leaver_days: int = setting_key("Days after which mail for people who have left is refused all the same.", 90)
    leaver_text: str = setting_key("What a sender is told then, behind 550 5.1.6.", "The person who had this address has left")
    identity_attribute: str = setting_key(
        "Attribute that stays the same when somebody gets another name, and is never given again, such as employeeNumber; empty: the "
        "preset's (entryUUID, objectGUID, ipaUniqueID).",
        "",
    )
    leaver_attribute: str = setting_key(
        "Attribute of people that says otherwise for one of them: refuse, manager or folder:CODE; empty: none.", ""
    )
    closed_groups: bool = setting_key(
        "Refuse mail from outside for groups that take it from inside only (Active Directory: msExchRequireAuthToSendTo).", True
    )
    interval: int = setting_key("Seconds between two looks at the LDAP server, for what has changed.", 300)
    full_hours: int = setting_key("Hours after which everything is read anew.", 24)
    timeout: int = setting_key("Seconds to wait for each answer of the LDAP server.", 30)
    sign_in_timeout: int = setting_key("Seconds for all that one sign-in asks the LDAP server.", 2, least=1)
    patience: int = setting_key("Seconds that one reading may take in all.", 600)
    page_size: int = setting_key("Entries asked for at a time.", 500)


@dataclass(frozen=True, slots=True)
class Api:
    """The HTTP API and the console."""

    listen: str = setting_key("HOST:PORT of API and console.", "127.0.0.1:8080")
    public_url: str = setting_key("Address in the staff's browsers, e.g. https://mailroom.example; empty: http://LISTEN.", "")
    proxies: tuple[str, ...] = setting_key(
        "Addresses or networks of the proxy in front of the console, where it is on another machine or in another container: it is "
        "believed about who the client is (X-Forwarded-For, with public_url). Else all who come by it count as one client when somebody "
        "guesses passwords.",
        (),
    )
    metrics: tuple[str, ...] = setting_key(
        "Networks whose clients may read /metrics (Prometheus); empty: nobody may.", ("127.0.0.0/8", "::1/128")
    )
    sign_in: tuple[str, ...] = setting_key(
        "How staff sign in, one or several ways. oidc: at the providers of [identity]; passkey: with a passkey alone, "
        "added in the console before; directory: with the LDAP server's passwords; local: with passwords kept here.",
        ("local",),
        choices=("oidc", "passkey", "directory", "local"),
    )
    require_second_factor: tuple[str, ...] = setting_key(
        "Roles that need a second factor to sign in: a passkey or an authenticator app.", (), choices=("triage", "admin", "auditor")
    )
    step_up_minutes: int = setting_key(
        "Minutes after which acts with large effects ask for the second factor again (docs/how-to/staff-accounts.md).", 10, least=1
    )
    session_hours: int = setting_key("Hours after which staff sign in again.", 12, least=1)
    idle_lock_minutes: int = setting_key("Minutes without a request after which staff sign in again.", 30, least=1)
    previews: bool = setting_key(
        "Show attachments as pictures, PDF and images, drawn in a sandbox without network: see docs/how-to/attachment-previews.md.", False
    )
    token_requests_per_minute: int = setting_key("Requests that one token may make in a minute; 0: no limit.", 600)


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity providers at which staff sign in (docs/how-to/single-sign-on.md)."""

    providers: Providers = setting_key(
        "Tables [identity.providers.NAME] (docs/how-to/single-sign-on.md). They have issuer, client_id and client_secret_file; title, for "
        "the sign-in page; scopes, login_claim, name_claim, groups_claim. A line of groups is such as `mailroom-admins => admin company`. "
        "With link_by_login = true accounts that exist here belong to whom the provider's login claim names. second_factor = true: the "
        "provider always asks for one.",
        (),
    )
    timeout: int = setting_key("Seconds for all that one sign-in asks the provider.", 2, least=1)
    clock_skew: int = setting_key("Seconds that the clocks of the provider and of this machine may differ.", 120)
    ca_file: str = setting_key("PEM file of the authorities that vouch for the providers; empty: those of the system.", "")
    close_days: int = setting_key(
        "Days after the last sign-in at which an account that a provider made is closed, with its tokens.", 30, least=1
    )


@dataclass(frozen=True, slots=True)
class Cover:
    """When staff is at work, and what happens to mail when it is not."""

    hours: tuple[str, ...] = setting_key(
        'Hours of work, such as "mon-fri 08:00-18:00"; empty: somebody is always expected to be there.', ()
    )
    time_zone: str = setting_key("Where those hours hold, such as Europe/Berlin (IANA time zones).", "UTC")
    out_of_hours: str = setting_key(
        "What happens with held mail then: wait; pass-perishable (what is of use for a short time only and proves its sender goes on); "
        "substitute:LOGIN (that member of staff sees it then).",
        "wait",
    )
    departments: tuple[str, ...] = setting_key(
        'Departments where it is otherwise, such as "sales=pass-perishable" or "board=substitute:ana".', ()
    )
    people: tuple[str, ...] = setting_key(
        'People (uid) in whose folders it is otherwise than in their department, such as "nora.falk=wait".', ()
    )


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept: first the content of a mail is erased, much later its record goes."""

    held_days: int = setting_key("Days after which held mail that nobody decided expires.", 30, least=1)
    expire_unseen: bool = setting_key(
        "Let held messages expire also where no daily digest named them to their recipients. Otherwise they stay held until somebody "
        "decides, and staff are told how many there are.",
        False,
    )
    purged_days: int = setting_key("Days a purge can be undone.", 30)
    released_days: int = setting_key("Days the content of delivered mail is kept.", 30)
    notice_days: int = setting_key("Days the content of our own notices to senders is kept.", 7)
    record_days: int = setting_key(
        "Days the record of a mail is kept after its end: who wrote to whom, about what, what was decided. It is never forgotten before "
        "its content is erased.",
        400,
        least=1,
    )
    refused_days: int = setting_key(
        "Days that `mailroom where` knows which messages the SMTP server refused: sender, recipient, client and reply.", 14, least=1
    )
    audit_days: int = setting_key("Days the record of acts is kept; what is left of it can still be proven whole.", 1095)


@dataclass(frozen=True, slots=True)
class Audit:
    """Signed checkpoints of the record of acts, outside of the database."""

    checkpoints: str = setting_key(
        "Directory that `mailroom upkeep` adds signed checkpoints to; empty: none are made. Copy it elsewhere.", ""
    )
    key_file: str = setting_key("PEM file of the private key that signs them, Ed25519; `mailroom audit key FILE` makes one.", "", file=True)
    public_key: str = setting_key("The public key, for those who verify without the private one.", "")
    every: int = setting_key("Seconds between two checkpoints, as long as something happens.", 300)


@dataclass(frozen=True, slots=True)
class Reports:
    """What reports say, and what they may say about the people who triage."""

    staff: str = setting_key(
        "What is measured of the people who decide: none (neither keys nor time), totals (of all of them together) or people (of each "
        "one, for administrators and auditors, and of oneself). Agree on it with your works council.",
        "totals",
        choices=("none", "totals", "people"),
    )
    fewest: int = setting_key("Totals about people are told of at least so many of them; of fewer they would be about one.", 3)
    employee_seconds: int = setting_key("Seconds that an employee would have spent on a mail that was kept away: for the hours saved.", 20)
    staff_seconds: int = setting_key("Seconds that staff need for a card, where it was not measured.", 20)


@dataclass(frozen=True, slots=True)
class Notices:
    """What outside senders are told: only those who prove who they are, never lists or programs, at most once a message. And our staff."""

    failures: bool = setting_key("Tell a sender when mail to somebody here could not be delivered.", True)
    delay: int = setting_key("Seconds until a failure is told of: others of the same message join it, and tried anew nobody is told.", 60)
    sender: str = setting_key("The address that notices come from and answers go to; empty: postmaster@ the first of company.domains.", "")
    failure_text: str = setting_key(
        "What is said then. It may name {subject}, {recipient}, {sender}, {date}, {company} and {reason}.",
        mark(
            "Your message “{subject}” of {date} to {recipient} could not be delivered.\n\n{reason}\n\n"
            "The mail system of {company} wrote this message."
        ),
    )
    expiry: bool = setting_key("Tell a sender when held mail expires because nobody decided about it in time.", False)
    expiry_text: str = setting_key(
        "What is said then. It may name {subject}, {recipient}, {sender}, {date} and {company}.",
        mark(
            "Your message “{subject}” of {date} to {recipient} was not delivered: nobody at {company} reviewed it in time. "
            "If it is still important, please contact them in another way."
        ),
    )
    staff: tuple[str, ...] = setting_key(
        "What staff on duty are told by mail (docs/how-to/alerts.md): waiting (longer than its target), perishable (of use for a short "
        "time only), expiring (within a day), unseen (held messages that cannot expire because no daily digest named them), "
        "requested (by whom it is for), brake (a directory that is not believed), queue (mail does not get on), emergency, "
        "removal (somebody removed more than removal_messages messages), break-glass (a break-glass account was opened), "
        "owners (the directory gives an address to somebody else, which waits for an approval), "
        "fuse (a check of known senders held messages of too many), "
        "known-sender (many messages of one known sender are held), let-in (delivered messages look suspicious).",
        (
            "waiting",
            "expiring",
            "unseen",
            "requested",
            "brake",
            "queue",
            "emergency",
            "removal",
            "break-glass",
            "owners",
            "fuse",
            "let-in",
            "known-sender",
        ),
        choices=CAUSES,
    )
    at_night: tuple[str, ...] = setting_key(
        "Those of them that staff is told also out of hours (cover.hours).", ("removal", "break-glass"), choices=CAUSES
    )
    removal_messages: int = setting_key(
        "A removal of more messages than this is told to administrators at once, with a way to undo it; 0: none.", 50
    )
    removal_told: tuple[str, ...] = setting_key(
        "Who is told of such removals beside administrators of the whole company, by login or an address of ours, such as the lead of "
        "those who triage.",
        (),
    )
    target_minutes: int = setting_key("Minutes of work that mail which may be wanted may wait for somebody to look at it; 0: any time.", 0)
    targets: tuple[str, ...] = setting_key('Departments where it is otherwise, such as "sales=30".', ())
    told: tuple[str, ...] = setting_key(
        'Who is told of a department instead of its staff on duty: a login or an address of ours, such as "sales=desk@company.example".',
        (),
    )
    new_place: bool = setting_key(
        "Tell the owner of a staff account by mail when it signed in from a network address where it had not lately.", True
    )
    requests: bool = setting_key(
        "Let employees sign in with the directory's passwords (api.sign_in holds directory) to see sender and subject of their own mail "
        "that waits or was taken away, and ask for it at PUBLIC_URL/ask.",
        False,
    )
    digest_at: str = setting_key(
        "When the daily digest tells people by mail which messages are held for them and which were removed: sender and subject. On days "
        "of work; nobody is told of nothing. A time such as 16:00 (cover.time_zone); auto: at 08:30, to the people of departments that "
        "hold messages (company.enforcement, `mailroom enforcement`); off or empty: never, and then held messages do not expire by "
        "themselves (retention.expire_unseen).",
        AUTO,
    )
    digest_departments: tuple[str, ...] = setting_key("Departments whose people get that; empty: all.", ())
    digest_never: tuple[str, ...] = setting_key(
        "Who gets none all the same, by uid or address, such as a mailbox that several people read. Mailboxes of which the directory says "
        "that they are not of one person alone get none anyway.",
        (),
    )
    digest_contact: str = setting_key("Whom to ask, as it stands in the letter, such as a telephone number of reception.", "")
    quiet_minutes: int = setting_key("Minutes until the same is told again to the same person.", 60)
    queue_minutes: int = setting_key("Minutes that mail may wait for a next hop, or for the recaller, until that is an alarm; 0: none.", 30)
    queue_bounces: int = setting_key("Mails for people here that a next hop may refuse within an hour until that is an alarm; 0: none.", 20)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Programs elsewhere that are told by HTTP what happens here (docs/reference/webhooks.md)."""

    hooks: Hooks = setting_key(
        "Tables [webhooks.hooks.NAME] with url or url_file; secret_file (keys that sign each call); format (json, slack, teams); events "
        "(empty: all); departments (empty: everything); details = true (name senders and subjects).",
        (),
    )
    timeout: int = setting_key("Seconds for one call in all.", 10)
    give_up_after: int = setting_key("Hours after which a call that nobody takes is given up.", 72)
    ca_file: str = setting_key("PEM file of the authorities that vouch for the receivers; empty: those of the system.", "")


@dataclass(frozen=True, slots=True)
class Escalation:
    """To whom staff escalates threats and legal matters (docs/how-to/work-the-quarantine.md)."""

    duties: Duties = setting_key(
        "Tables [escalation.duties.NAME], NAME one of security, management, legal, data-protection, with title; phone (shown at once); "
        "staff (logins that confirm, and get a notice; empty: whoever decides confirms); address (of yours, gets the notice too). The "
        "default has all four, without a phone number.",
        USUAL,
    )


@dataclass(frozen=True, slots=True)
class Reject:
    """What staff can tell a sender whose mail is not wanted."""

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
                    "{recipient} is not the right address for it, so we did not deliver it. You find the right address on our website."
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
    """What the policy may be told."""

    dmarc_reject: str = setting_key(
        "What happens to mail that the author domain's DMARC policy would reject.", "hold", choices=("hold", "purge")
    )
    own_domain_forged: str = setting_key("What happens to mail that claims to be ours and is not.", "hold", choices=("hold", "purge"))
    trusted_arc_sealers: tuple[str, ...] = setting_key(
        "Domains of forwarders and lists whose ARC seals (RFC 8617) are believed: rules may then ask for the proof arc:DOMAIN.", ()
    )
    dns_lists: tuple[str, ...] = setting_key(
        "DNS lists of bad clients to ask (RFC 5782), as ZONE or ZONE=CODE;CODE, such as zen.example.org=127.0.0.2-11. Their mail is purged "
        "on arrival unless an allowed sender proves itself. Empty: none.",
        (),
    )
    rspamd_url: str = setting_key(
        "http://HOST:PORT of your Rspamd's normal worker: what it says is shown, what it would reject counts as listed; empty: not asked.",
        "",
    )
    rspamd_timeout: int = setting_key("Seconds to wait for Rspamd's answer about one message.", 8)
    clamd: str = setting_key("Your ClamAV: the path of clamd's socket, such as /run/clamav/clamd.ctl, or HOST:PORT; empty: not asked.", "")
    clamd_timeout: int = setting_key("Seconds to wait for ClamAV's answer about one message.", 10)
    virus: str = setting_key("What happens to mail in which ClamAV found a virus.", "hold", choices=("hold", "purge"))
    listed_sample: int = setting_key(
        "One in how many messages from listed clients is held for staff to see instead of purged; 0: none.", 50
    )
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
    two_keys: tuple[str, ...] = setting_key(
        "Acts that need a second person's confirmation: domain-allow (let a whole domain or mailing list in for the whole company), "
        "unchecked-allow (let a sender pass whatever a message says), "
        "large-purge (see two_keys_purge), risky-release (mail whose signals say that somebody pretends to be one of us), person-erasure "
        "(erase what is kept about a person), remove-delivered (take delivered messages out of more than two_keys_mailboxes mailboxes, or "
        "any that are not dangerous, or by domain or search; who has the right of this name does it alone). Empty: none.",
        ("unchecked-allow", "remove-delivered"),
        choices=("domain-allow", "unchecked-allow", "large-purge", "risky-release", "person-erasure", "remove-delivered"),
    )
    two_keys_purge: int = setting_key("A purge that takes more copies than this out of mailboxes counts as large.", 100)
    two_keys_mailboxes: int = setting_key(
        "A removal of delivered messages from more mailboxes than this needs a second person (remove-delivered).", 50
    )
    undo_seconds: int = setting_key("Seconds that a person's release waits before it leaves.", 10)
    standing_hours: int = setting_key(
        "Hours that a purge of a sender or domain goes on catching late copies: they are purged on arrival, and held again when the "
        "purge is undone. 0: not at all.",
        72,
    )
    block_hold_hours: int = setting_key(
        "Hours that a block made along with a removal only holds what it stops, so that undo is whole. After that it refuses or removes.",
        24,
    )
    block_days: int = setting_key(
        "Days after which such a block of an address or a domain ends. A campaign's ends 7 days after its last copy.", 90
    )
    dangerous_attachments: tuple[str, ...] = setting_key(
        "File name endings that hold a message. With them go names that end twice (invoice.pdf.html), the same names within archives, and "
        "archives that are encrypted or cannot be read. Files whose bytes are of a dangerous kind (docs/how-to/rules.md) go with them "
        "too. Empty: no attachment holds a message.",
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
        "Domains where anybody can have an address: never allowed as a whole, and what is proven there speaks for one address only.",
        freemail_domains.PROVIDERS,
    )


@dataclass(frozen=True, slots=True)
class Confidential:
    """Confidential folders: departments and persons whose mail only the named staff see (docs/how-to/confidential-folders.md)."""

    join_removals: tuple[str, ...] = setting_key(
        "Confidential folders, such as department:hr, whose keepers agreed that removals of a campaign take its copies there too, without "
        "asking them. Only where at least ten people outside of confidential folders had a copy; never by sender, domain or search. Empty: "
        "the keepers are asked each time.",
        (),
    )


@dataclass(frozen=True, slots=True)
class Floods:
    """When mail becomes a flood, which lies on one card."""

    per_sender: int = setting_key(
        "So many held mails of one sender to one folder within an hour, and the next one makes a flood of them. 0: never.", 30
    )
    per_folder: int = setting_key(
        "So many held mails to one folder within an hour, and those of strangers without proof and of programs become one flood; what "
        "persons write and prove, and whoever's mail was let in before, stays apart. 0: never.",
        100,
    )


@dataclass(frozen=True, slots=True)
class Logs:
    """What each role writes to standard error: one line an event (docs/how-to/monitoring.md)."""

    format: str = setting_key("text: for people; json: an object a line, with what it speaks of by name.", "text", choices=("text", "json"))
    level: str = setting_key("The least that is written.", "info", choices=("debug", "info", "warning", "error"))


@dataclass(frozen=True, slots=True)
class Client:
    """Which Mailroom the command line asks, on another machine (docs/reference/cli.md). A file with this section alone will do."""

    server: str = setting_key("https:// address that `mailroom` asks instead of this machine; empty: this machine.", "")
    token_file: str = setting_key("File that holds the token for it, in one line.", "")
    ca_file: str = setting_key("PEM file of the authorities that vouch for it; empty: those of the system.", "")
    plain: bool = setting_key("Ask it in the clear too (http://), where the network is trusted.", False)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, one section a field."""

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
    cover: Cover = Cover()
    retention: Retention = Retention()
    audit: Audit = Audit()
    reports: Reports = Reports()
    policy: Policy = Policy()
    confidential: Confidential = Confidential()
    floods: Floods = Floods()
    notices: Notices = Notices()
    webhooks: Webhooks = Webhooks()
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
        """May anybody hand over employees' mail?"""
        return bool(self.outbound.networks or self.outbound.accounts_file)

    @property
    def has_way_out(self) -> bool:
        """Is there a server that takes employees' mail to the outside?"""
        return bool(self.outbound.smarthost or self.relay.smarthost)

    @property
    def reaches_mailboxes(self) -> bool:
        """Can mail that was delivered be taken back?"""
        next_hops = [self.relay.next_hop, *(route.partition("=")[2].strip() for route in self.relay.routes)]
        return bool(self.recall.imap) or any(next_hop.startswith("maildir:") for next_hop in next_hops)

    @property
    def sender(self) -> str:
        """The address that mail of ours comes from."""
        return self.notices.sender or f"postmaster@{self.company.domains[0]}"

    @property
    def own_domains(self) -> frozenset[str]:
        """The company's domains, folded."""
        return frozenset(self.company.domains)


def every_key() -> Iterator[tuple[str, str, Field[Any]]]:
    """Every setting: its section, its name and its field, whose metadata documents it."""
    for section in fields(Settings):
        for one in fields(section_type(section.name)):
            yield section.name, one.name, one


def section_type(name: str) -> Any:
    """The dataclass of a section."""
    return get_type_hints(Settings)[name]


def host_port(listen: str, where: str) -> tuple[str, int]:
    """Split HOST:PORT, also [IPv6]:PORT; BadInput names the setting."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise BadInput(f"{where} must be HOST:PORT, such as 127.0.0.1:2525, not {listen!r}")
    return host.strip("[]"), int(port)
