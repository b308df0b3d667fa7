"""An identity provider that a test makes say whatever it wants: discovery, keys, tokens, signed or not, late, long, or another's."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = "mailroom"
KEYS = [RSAKey.generate_key(2048, parameters={"kid": f"key-{number}", "use": "sig", "alg": "RS256"}) for number in range(2)]


@dataclass
class HostileProvider:
    """OpenID provider with answers that a test can change; it records the requests."""

    issuer: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)  # beside the usual, or instead of it
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    key: RSAKey = field(default_factory=lambda: KEYS[0])
    header: dict[str, Any] = field(default_factory=dict)
    id_token: str | None = None  # instead of a signed one
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # by path
    nonce: str = ""  # of the sign-in under way
    used: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    stalls: threading.Event | None = None  # it answers when this is set

    def described(self) -> dict[str, Any]:
        """Metadata of the provider."""
        usual = {"issuer": self.issuer, "id_token_signing_alg_values_supported": ["RS256"]}
        pages = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/keys", "end_session_endpoint": "/end"}
        if self.userinfo is not None:
            pages["userinfo_endpoint"] = "/userinfo"
        return usual | {name: self.issuer + path for name, path in pages.items()} | self.metadata

    def signed(self, claims: dict[str, Any]) -> str:
        """A token of its own."""
        header = {"alg": "RS256", "kid": self.key.kid} | self.header
        return str(jwt.encode({name: value for name, value in header.items() if value}, claims, self.key))

    def usual_claims(self) -> dict[str, Any]:
        """As of somebody who has just signed in."""
        now = int(time.time())
        return {"iss": self.issuer, "aud": CLIENT, "sub": "sub-nora", "iat": now, "exp": now + 300, "auth_time": now}

    def token_answer(self, form: dict[str, list[str]]) -> tuple[int, bytes]:
        """The tokens for a code that was not used yet."""
        code = form["code"][0]
        if code in self.used:
            return 400, b'{"error": "invalid_grant", "error_description": "code was used"}'
        self.used.add(code)
        claims = self.usual_claims() | {"nonce": self.nonce} | self.claims
        token = self.signed({name: value for name, value in claims.items() if value is not None})
        return 200, json.dumps({"access_token": "at", "token_type": "Bearer", "id_token": self.id_token or token}).encode()

    def answer(self, path: str, body: str) -> tuple[int, bytes]:
        """Answer one request."""
        self.asked.append(path)
        if self.stalls:
            self.stalls.wait(60)
        if path in self.answers:
            return self.answers[path]
        if path.endswith("/openid-configuration"):
            return 200, json.dumps(self.described()).encode()
        if path == "/keys":
            return 200, json.dumps({"keys": [self.key.as_dict(private=False)]}).encode()
        if path == "/userinfo":
            return 200, json.dumps(self.userinfo).encode()
        return self.token_answer(parse_qs(body))


@contextlib.contextmanager
def running() -> Iterator[HostileProvider]:
    """Hostile provider on a free port."""
    provider = HostileProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            status, said = provider.answer(self.path, body)
            with contextlib.suppress(OSError):
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("location", said.decode())
                self.end_headers()
                self.wfile.write(said)

        do_POST = do_GET

        def log_message(self, *_words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.issuer = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield provider
        finally:
            if provider.stalls:
                provider.stalls.set()
            server.shutdown()
