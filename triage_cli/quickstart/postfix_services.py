"""The services that switch-on adds to Postfix: one that hands over to Mailroom, and one that takes back."""

from collections.abc import Iterator

from triage_cli.quickstart.mail_server import MailServer
from triage_cli.quickstart.write_settings import Ports

SERVICES_HEAD = """# Services that switch-on adds to master.cf (postconf -M and -P), and switch-off removes.
# mailroom hands messages over and names the client (XFORWARD). Port {give} takes what Mailroom has released or let pass: it goes
# straight into the mailboxes and meets no route, no alias and no filter a second time.
"""
ONE_WAY = {  # the client that hands over
    "syslog_name": "postfix/to-mailroom",
    "smtp_send_xforward_command": "yes",
    "smtp_tls_security_level": "none",
    "smtp_generic_maps": "",
    "smtp_header_checks": "",
    "disable_mime_output_conversion": "yes",
}
BACK = {  # the server that takes back
    "syslog_name": "postfix/from-mailroom",
    "receive_override_options": "no_address_mappings",
    "cleanup_service_name": "mailroom-cleanup",
    "message_size_limit": "0",
    "mynetworks": "127.0.0.0/8",
    "smtpd_client_restrictions": "permit_mynetworks,reject",
    "smtpd_helo_restrictions": "",
    "smtpd_sender_restrictions": "",
    "smtpd_relay_restrictions": "permit_auth_destination,reject",
    "smtpd_recipient_restrictions": "permit_auth_destination,reject",
    "smtpd_data_restrictions": "",
    "smtpd_end_of_data_restrictions": "",
    "smtpd_milters": "",
    "smtpd_proxy_filter": "",
    "smtpd_tls_security_level": "none",
    "smtpd_client_connection_count_limit": "0",
}
CLEANUP = {"message_size_limit": "0", "header_checks": "", "mime_header_checks": "", "nested_header_checks": "", "body_checks": ""}


def list_services(server: MailServer, ports: Ports) -> str:
    """The services, a line each for postconf -M and -P."""
    return SERVICES_HEAD.format(give=ports.give) + "".join(f"{line}\n" for line in service_lines(server, ports))


def service_lines(server: MailServer, ports: Ports) -> Iterator[str]:
    """NAME/TYPE=definition, and NAME/TYPE/PARAMETER=value."""
    back = f"127.0.0.1:{ports.give}"
    yield from one_service("mailroom", "unix", "- - n - - smtp", ONE_WAY)
    yield from one_service("mailroom-cleanup", "unix", "n - n - 0 cleanup", CLEANUP)
    yield from one_service(back, "inet", "n - n - - smtpd", BACK | {"content_filter": server.way_back})


def one_service(name: str, kind: str, rest: str, options: dict[str, str]) -> Iterator[str]:
    """Lines of a service with its options."""
    yield f"{name}/{kind}={name} {kind} {rest}"
    yield from (f"{name}/{kind}/{option}={value}" for option, value in options.items())
