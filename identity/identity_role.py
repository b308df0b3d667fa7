"""The identity role: answers the API's questions to identity providers, over a Unix socket; it has no database."""

import logging
import threading
from collections.abc import Mapping
from typing import Any

from identity import sign_in, signed_tokens
from identity.provider_metadata import Known
from triage.config.settings import Settings
from triage.errors import BadInput, Unanswered, Untrusted
from triage.runtime import identity_socket, json_socket
from triage.runtime.bounded_http import Http
from triage.runtime.systemd import handed_over, notify_ready

log = logging.getLogger(__name__)


class Desk:
    """Identity providers, and the questions about them that can be asked."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.identity
        self.known = {one.name: Known(one) for one in settings.identity.providers}
        share = max(1, json_socket.AT_ONCE // (len(self.known) + 1))  # of the threads: one provider that hangs leaves some to the others
        self.free = {name: threading.BoundedSemaphore(share) for name in self.known}

    def answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """{"ok": …}, or in words why not: "untrusted" or "unanswered"."""
        known = self.known.get(str(asked.get("provider")))
        if known is None:
            return {"untrusted": "there is no such provider in the settings"}
        free = self.free[known.provider.name]
        if not free.acquire(blocking=False):
            return {"unanswered": "too many sign-ins wait for it"}
        try:
            return {"ok": self.carry_out(known, Http(self.settings.timeout, known.provider.issuer, self.settings.ca_file), asked)}
        except Unanswered as fault:
            log.warning("%s: %s", known.provider.name, fault)
            return {"unanswered": str(fault)}
        except (Untrusted, BadInput) as fault:
            log.warning("%s: %s", known.provider.name, fault)
            return {"untrusted": str(fault)}
        finally:
            free.release()

    def carry_out(self, known: Known, http: Http, asked: Mapping[str, Any]) -> Any:
        """Answers one question of the API."""
        match asked.get("want"):
            case "begin":
                return sign_in.begin_sign_in(known, http, str(asked["redirect_uri"]), is_fresh=bool(asked.get("is_fresh")))
            case "finish":
                return sign_in.finish_sign_in(known, http, asked, self.settings)
            case "logout":
                return sign_in.logout_url(known, http, str(asked["back_to"]), str(asked.get("hint") or ""))
            case "back-channel":
                return signed_tokens.logout_token(known, http, str(asked["token"]), self.settings.clock_skew)
        raise Untrusted("nobody knows what is asked for")


def run_role(settings: Settings, stop: threading.Event) -> None:
    """Answer until told to stop."""
    activated = next(handed_over(), None)
    listener = activated[1] if activated else json_socket.open_listener(identity_socket.path_of(settings.spool.directory))
    with listener:
        notify_ready()
        log.info("answers about %s", ", ".join(one.name for one in settings.identity.providers) or "no provider: [identity] names none")
        json_socket.answer_all(listener, Desk(settings).answer, stop)
