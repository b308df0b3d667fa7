"""Asks Dovecot for its version and its users, where it can list them. Changes nothing."""

from triage_cli.quickstart.mail_server import MailServer, run_program


def add_users(server: MailServer) -> None:
    """Mailboxes that Dovecot knows in the company's domains; a bare login name is one in the only domain."""
    version = (run_program(["dovecot", "--version"]) or "").split()
    if not version:
        return
    users = (run_program(["doveadm", "user", "*"]) or "").split()
    full = [one.lower() if "@" in one else f"{one.lower()}@{server.domains[0]}" for one in users if "@" in one or len(server.domains) == 1]
    known = [one for one in full if one.rpartition("@")[2] in server.domains]
    added = [one for one in known if one not in server.mailboxes and not server.aliases.get(one)]
    server.notes.append(f"Dovecot {version[0]}: {f'{len(known)} users' if known else 'its users cannot be listed'}")
    if server.mailboxes:
        if added:
            server.notes.append(f"Dovecot knows {', '.join(added[:5])}{' …' if len(added) > 5 else ''}, which Postfix does not list")
    else:
        server.mailboxes |= dict.fromkeys(added, "")
