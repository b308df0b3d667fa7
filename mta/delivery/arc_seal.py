"""Our ARC seal on mail that goes on, where the settings name a key: so that the inner server may trust our word (RFC 8617)."""

from dataclasses import dataclass
from datetime import datetime

from mail_auth.arc_seal import SigningKey, load_key, seal_message
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.message.authentication import Authentication
from triage.message.trace.authentication_results import authentication_results


@dataclass(frozen=True, slots=True)
class Sealer:
    """The key and the name that it is published under."""

    domain: str
    selector: str
    key: SigningKey
    authserv_id: str

    def sealed(self, stamped: bytes, authentication: Authentication, now: datetime) -> bytes:
        """The message with our trace fields, and on top our ARC set; as it is where the RFC leaves nothing to seal."""
        results = authentication_results(authentication, self.authserv_id).partition(":")[2]
        chain = authentication.arc.result
        return seal_message(stamped, results, chain, domain=self.domain, selector=self.selector, key=self.key, now=now) + stamped


def is_sealing_configured(settings: Settings) -> bool:
    """Whether there is to be a seal. BadInput when only half of it is named; no key is read."""
    given = (settings.relay.arc_domain, settings.relay.arc_selector, settings.relay.arc_key_file)
    if any(given) and not all(given):
        raise BadInput("relay: arc_domain, arc_selector and arc_key_file belong together; set all of them or none")
    return all(given)


def open_sealer(settings: Settings) -> Sealer | None:
    """The sealer that the settings describe, None without one. BadInput when only half of it is there, or the key is of no use."""
    relay = settings.relay
    if not is_sealing_configured(settings):
        return None
    return Sealer(relay.arc_domain, relay.arc_selector, load_key(relay.arc_key_file), settings.authserv_id)
