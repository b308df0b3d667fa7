"""The router and the transport that let Exim hand messages to Mailroom; an administrator includes them once."""

from pathlib import Path

from triage_cli.quickstart.write_settings import Ports

HOW = """
Once, as root: add two lines to Exim's configuration, then check (exim4 -bV) and reload it.
  after "begin routers", before every other router:   .include {output}/exim-router
  after "begin transports":                           .include {output}/exim-transport
They do nothing until switch-on names somebody."""
ROUTER = """# Written by `mailroom quickstart`: messages from outside for the recipients in exim-recipients go to Mailroom. Those of your
# own machines, of employees who signed in, of local programs, and what Mailroom gives back, go on to the next router.
mailroom:
  driver = manualroute
  condition = ${{if and{{{{def:sender_host_address}}{{!def:authenticated_id}}\\
    {{!eq{{$sender_host_address}}{{127.0.0.1}}}}{{!match_ip{{$sender_host_address}}{{+relay_from_hosts}}}}}}}}
  condition = ${{lookup{{${{lc:$local_part@$domain}}}}lsearch{{{output}/exim-recipients}}{{yes}}{{no}}}}
  transport = mailroom
  route_list = * 127.0.0.1
  self = send

# What comes back for messages that Mailroom sent on: the address is Mailroom's.
mailroom_bounces:
  driver = manualroute
  domains = +local_domains
  senders = :
  condition = ${{if match{{$local_part}}{{^bounce\\\\+}}}}
  transport = mailroom
  route_list = * 127.0.0.1
  self = send
"""
TRANSPORT = """mailroom:
  driver = smtp
  port = {take}
  hosts_avoid_tls = *
  allow_localhost
"""


def write_snippets(output: Path, ports: Ports) -> dict[str, str]:
    """The files by name, with the list of recipients as it is."""
    recipients = output / "exim-recipients"
    listed = recipients.read_text("utf-8") if recipients.exists() else ""
    router, transport = ROUTER.format(output=output), TRANSPORT.format(take=ports.take)
    return {"exim-router": router, "exim-transport": transport, "exim-recipients": listed}
