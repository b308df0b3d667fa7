"""Platforms through which anybody can send a message to anybody: the proof says which platform sent it, not for whom.

Each name stands in a list of authenticated senders: SpamAssassin's 60_welcomelist_auth.cf or 60_welcomelist_dkim.cf (f7fe7b82), or Rspamd's
spf_dkim_whitelist.inc or surbl-whitelist.inc (3.12.1), all Apache-2.0.
"""

from collections.abc import Collection

from triage.addressing.envelope import ancestor_domains

SIGNATURES = ("docusign.net", "docusign.com", "echosign.com")  # documents to sign
PAYMENTS = (  # requests for money and invoices
    *("paypal.com", "paypal.co.uk", "paypal.ca", "paypal.com.au", "paypal.de", "paypal.at", "paypal.ch", "paypal.fr", "paypal.es"),
    *("paypal.it", "paypal.nl", "paypal.be", "paypal.pt", "paypal.ie", "paypal.dk", "paypal.se", "paypal.no"),
    *("venmo.com", "square.com"),
)
FORMS = ("surveymonkey.com", "surveymonkeyuser.com", "wufoo.com")  # forms and what they send
FILES = ("dropbox.com", "box.com", "google.com")  # shared files, and with them forms and invitations
PLATFORMS = (*SIGNATURES, *PAYMENTS, *FORMS, *FILES)


def platform_of(domain: str, platforms: Collection[str]) -> str:
    """The platform that a domain is, or lies below; "" where it is none."""
    return next((one for one in ancestor_domains(domain) if one in platforms), "") if domain else ""
