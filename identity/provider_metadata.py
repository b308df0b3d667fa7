"""Metadata and keys of an identity provider: fetched when needed, cached for an hour, fetched again when its keys change."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from triage.config.identity_providers import Provider, is_trustworthy
from triage.errors import Unanswered, Untrusted
from triage.runtime.bounded_http import Http

WELL_KNOWN = "/.well-known/openid-configuration"  # OpenID Connect Discovery 1.0, 4
KEEP = 3600.0  # seconds
ANEW = 30.0  # seconds until keys are read again for a key that nobody knows: whoever invents key names does not make us ask
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
OPTIONAL = ("userinfo_endpoint", "end_session_endpoint")
SIGNED = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")  # never none, nor our secret


@dataclass
class Known:
    """Metadata and keys of one identity provider."""

    provider: Provider
    metadata: dict[str, Any] = field(default_factory=dict)
    keys: KeySet | None = None
    read_at: float = -KEEP
    keys_at: float = -KEEP
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def turn(self, http: Http) -> Iterator[None]:
        """Holds the provider's lock, so that nobody else reads meanwhile. Unanswered when the others take too long."""
        if not self.lock.acquire(timeout=http.left()):
            raise Unanswered(f"{self.provider.issuer} keeps others waiting for {http.seconds:g} s")
        try:
            yield
        finally:
            self.lock.release()

    def described(self, http: Http) -> dict[str, Any]:
        """Returns the provider's metadata. Untrusted when they are another provider's."""
        with self.turn(http):
            if time.monotonic() - self.read_at >= KEEP:
                self.metadata = checked(self.provider, http.get(self.provider.issuer.rstrip("/") + WELL_KNOWN))
                self.read_at = time.monotonic()
            return self.metadata

    def key_set(self, http: Http, *, anew: bool = False) -> KeySet:
        """Returns the provider's keys; `anew`: they may have changed."""
        uri = self.described(http)["jwks_uri"]
        with self.turn(http):
            age = time.monotonic() - self.keys_at
            if self.keys is None or age >= KEEP or (anew and age >= ANEW):
                self.keys, self.keys_at = read_keys(http.get(uri)), time.monotonic()
            return self.keys

    def algorithms(self, http: Http) -> list[str]:
        """Returns the algorithms with which the provider signs, of those that can be trusted."""
        said = self.described(http).get("id_token_signing_alg_values_supported", ["RS256"])
        found = [one for one in SIGNED if isinstance(said, list) and one in said]
        if not found:
            raise Untrusted(f"it signs with none of {', '.join(SIGNED)}")
        return found


def checked(provider: Provider, metadata: dict[str, Any]) -> dict[str, Any]:
    """Metadata of this provider, and of no other one (OpenID Connect Discovery 1.0, 4.3)."""
    if metadata.get("issuer") != provider.issuer:
        raise Untrusted(f"it is “{metadata.get('issuer')}”, and [identity] says issuer = “{provider.issuer}”: write it as it does")
    for name in (*NEEDED, *(one for one in OPTIONAL if metadata.get(one))):
        if not isinstance(url := metadata.get(name), str) or not is_trustworthy(url, provider.issuer):
            raise Untrusted(f"its {name} is no https:// address: “{url}”")
    return metadata


def read_keys(document: dict[str, Any]) -> KeySet:
    """Public keys; those of a kind that is not known here are left out."""
    found = []
    for one in document.get("keys", ()):
        try:
            found += KeySet.import_key_set({"keys": [one]}).keys
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    if not found:
        raise Untrusted("it publishes no key that can be used")
    return KeySet(found)
