"""A token endpoint over TLS that answers as Microsoft's and Google's do, and tells a Dovecot whose a token is."""

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import RSAKey

from mailboxes.oauth.token_requests import BEARER_GRANT, GOOGLE_SCOPE, MICROSOFT_SCOPE
from tests.peers.receiving import make_certificate
from triage.config.settings import Recall

DOVECOT = """
auth_mechanisms = plain login {mechanism}
oauth2 {{
  introspection_mode = auth
  introspection_url = http://127.0.0.1:{port}/whose
  username_attribute = sub
}}
passdb oauth2 {{
  mechanisms_filter = {mechanism}
}}
"""
ALL = "all"  # whose mailboxes an application opens
CLIENT, SECRET, ACCOUNT = "mailroom-at-microsoft", "a secret", "mailroom@project.iam.example"
KEY = RSAKey.generate_key(2048, parameters={"kid": "key-1"})

Answer = tuple[int, dict[str, str], dict[str, Any]]  # status, header fields, JSON


@dataclass
class TokenProvider:
    """OAuth token provider that records requests and can answer with errors."""

    directory: Path
    url: str = ""  # of the token endpoint
    port: int = 0  # where Dovecot asks, on loopback
    seconds: int = 3600  # that a token is good for
    forms: list[dict[str, str]] = field(default_factory=list)
    claims: list[dict[str, Any]] = field(default_factory=list)  # of the assertions
    answers: list[Answer] = field(default_factory=list)  # the next ones
    revoked: set[str] = field(default_factory=set)
    signing_in: list[str] = field(default_factory=list)  # who will sign in with an application's token, in this order

    def dovecot(self, mechanism: str) -> str:
        """Configuration of a server that its tokens open."""
        return DOVECOT.format(mechanism=mechanism, port=self.port)

    @property
    def certificate(self) -> Path:
        """Certificate of the provider."""
        return self.directory / "certificate.pem"

    def microsoft(self, imap: str, **more: Any) -> Recall:
        """Settings with our registration there."""
        file = self.directory / "secret"
        file.write_text(f"{SECRET}\n")
        given = {"tenant": "company.example", "client_id": CLIENT, "client_secret_file": str(file)}
        return Recall(imap=imap, auth="microsoft", token_url=self.url, ca_file=str(self.certificate), timeout=10, **given | more)

    def google(self, imap: str, **more: Any) -> Recall:
        """Settings with a service account; its own key file names the endpoint."""
        file = self.directory / "account.json"
        account = {"type": "service_account", "client_email": ACCOUNT, "private_key_id": "key-1", "token_uri": self.url}
        file.write_text(json.dumps(account | {"private_key": KEY.as_pem(private=True).decode()}))
        return Recall(imap=imap, auth="google", service_account_file=str(file), ca_file=str(self.certificate), timeout=10, **more)

    def answer(self, path: str, bearer: str, body: str) -> Answer:
        """Answer one request."""
        if path == "/whose":
            return self.whose(bearer)
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self.forms.append(form)
        if self.answers:
            return self.answers.pop(0)
        whose = self.for_mailbox(form["assertion"]) if form["grant_type"] == BEARER_GRANT else self.for_application(form)
        return 200, {}, {"access_token": f"{len(self.forms)}.{whose}", "token_type": "Bearer", "expires_in": self.seconds}

    def for_application(self, form: dict[str, str]) -> str:
        """Client credentials."""
        usual = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET, "scope": MICROSOFT_SCOPE}
        assert form == usual
        return ALL

    def for_mailbox(self, assertion: str) -> str:
        """An assertion of the service account, whose signature counts."""
        token = jwt.decode(assertion, KEY, algorithms=["RS256"])
        claims = token.claims
        self.claims.append(claims)
        assert token.header["kid"] == "key-1"
        assert (claims["iss"], claims["scope"], claims["aud"]) == (ACCOUNT, GOOGLE_SCOPE, self.url)
        assert 0 < claims["exp"] - claims["iat"] <= 3600
        return str(claims["sub"])

    def whose(self, token: str) -> Answer:
        """Dovecot's question. It wants the login itself: an application's token is that of whoever signs in next."""
        number, _, owner = token.partition(".")
        if not number.isdigit() or token in self.revoked:
            return 401, {}, {"error": "invalid_token"}
        return 200, {}, {"sub": self.signing_in.pop(0) if owner == ALL else owner}


@contextlib.contextmanager
def running(directory: Path) -> Iterator[TokenProvider]:
    """Token provider on two free ports: TLS for Mailroom, loopback for Dovecot."""
    provider = TokenProvider(directory)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
            status, fields, said = provider.answer(self.path, bearer, body)
            text = json.dumps(said).encode()
            self.send_response(status)
            for name, value in ({"content-type": "application/json", "content-length": str(len(text))} | fields).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET

        def log_message(self, *_words: object) -> None:
            pass

    certificate = make_certificate(directory, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as tls, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as plain:
        tls.socket = context.wrap_socket(tls.socket, server_side=True)
        provider.url, provider.port = f"https://localhost:{tls.server_port}/token", plain.server_port
        for server in (tls, plain):
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield provider
        finally:
            tls.shutdown()
            plain.shutdown()
