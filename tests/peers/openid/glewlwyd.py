"""Glewlwyd, as Debian builds it: an identity provider with its own sign-in pages; people, groups and clients are in SQLite."""

import contextlib
import gzip
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from joserfc.jwk import RSAKey

from tests.peers import processes
from tests.peers.openid.openid_provider import CLIENT, SECRET, OpenIdProvider, addresses_of

UNPACKED = Path(__file__).parents[1] / ".cache" / "glewlwyd"  # by install.sh
PASSWORD = "a password of the staff"
ADMIN = {"username": "admin", "password": "password"}  # as the package's first database has it
LISTS = """
UPDATE g_user_module_instance
SET gumi_parameters = json_set(gumi_parameters, '$."data-format".groups', json('{"multiple": true, "read": true, "write": true}'));
UPDATE g_client_module_instance SET gcmi_parameters = json_set(
    gcmi_parameters, '$."data-format".post_logout_redirect_uris', json('{"multiple": true, "read": true, "write": true}')
);
"""
CONFIGURATION = """
port = {port}
bind_address = "127.0.0.1"
external_url = "http://127.0.0.1:{port}"
login_url = "login.html"
api_prefix = "api"
static_files_path = "{directory}/webapp/"
log_mode = "console"
log_level = "WARNING"
cookie_domain = "127.0.0.1"
cookie_secure = 0
cookie_same_site = "lax"
session_key = "GLEWLWYD2_SESSION_ID"
admin_scope = "g_admin"
profile_scope = "g_profile"
{modules}
hash_algorithm = "SHA512"
database = {{ type = "sqlite3", path = "{directory}/glewlwyd.db" }};
static_files_mime_types = ( {types} )
"""
MODULES = ("user", "user_middleware", "client", "scheme", "plugin")
TYPES = {".html": "text/html", ".css": "text/css", ".js": "application/javascript", ".json": "application/json", ".png": "image/png"}
LASTS = {"access-token-duration": 3600, "refresh-token-duration": 3600, "code-duration": 600, "session-cookie-expiration": 3600}
ALLOWED = (
    *("auth-type-code-enabled", "pkce-allowed", "pkce-required", "jwks-show", "oauth-as-iss-id"),
    *("session-management-allowed", "front-channel-logout-allowed"),  # without the second its sign-out page fails
)


@contextlib.contextmanager
def start_glewlwyd(mailroom: str, people: Mapping[str, Mapping[str, Any]]) -> Iterator[OpenIdProvider]:
    """A provider whose people sign in by name with PASSWORD, and Mailroom at this origin as its client."""
    program = UNPACKED / "usr" / "bin" / "glewlwyd"
    if not program.exists():
        raise processes.Missing("Glewlwyd is missing: run `make peers`, which unpacks it where Debian has it")
    (library,) = (UNPACKED / "usr" / "lib").glob("*/libulfius.so.2.7")
    with processes.short_directory("glewlwyd") as directory:
        port, log = processes.free_port(), directory / "log"
        lay_out(directory, port)
        environment = os.environ | {"LD_LIBRARY_PATH": str(library.parent)}
        process = processes.start([str(program), f"--config-file={directory}/glewlwyd.conf"], log, environment=environment)
        try:
            processes.until(processes.is_answering(port), "Glewlwyd answers", process, log)
            yield OpenIdProvider(set_up(f"http://127.0.0.1:{port}/api", mailroom, people), process)
        finally:
            processes.stop(process)


def lay_out(directory: Path, port: int) -> None:
    """Write its configuration, pages and first database."""
    shared = UNPACKED / "usr" / "share"
    shutil.copytree(shared / "glewlwyd" / "webapp", directory / "webapp", ignore=shutil.ignore_patterns("config.json"))
    (configuration,) = (UNPACKED / "etc" / "glewlwyd").glob("config-*.json/config.json")  # the page finds it by an absolute link
    shutil.copy(configuration, directory / "webapp")
    modules = "\n".join(f'{name}_module_path = "{UNPACKED}/usr/lib/glewlwyd/{name}"' for name in MODULES)
    modules = modules.replace("scheme_module_path", "user_auth_scheme_module_path")
    types = ", ".join(f'{{ extension = "{name}" mime_type = "{kind}" compress = 0 }}' for name, kind in TYPES.items())
    (directory / "glewlwyd.conf").write_text(CONFIGURATION.format(directory=directory, port=port, modules=modules, types=types))
    with contextlib.closing(sqlite3.connect(directory / "glewlwyd.db")) as database:
        database.executescript(gzip.decompress((shared / "doc/glewlwyd/database/init.sqlite3.sql.gz").read_bytes()).decode() + LISTS)


def set_up(api: str, mailroom: str, people: Mapping[str, Mapping[str, Any]]) -> str:
    """As its administrator does it: the provider, whose issuer comes back, its client and its people.

    Without back-channel logout: its logout token has no `exp`, so Mailroom refuses it (OpenID Connect Back-Channel Logout 1.0, 2.4).
    """
    issuer = f"{api}/oidc"
    key = RSAKey.generate_key(2048, {"kid": "key-1", "alg": "RS256"}).as_dict(private=True)
    claims = [describe_claim("preferred_username", "username"), describe_claim("groups", "groups")]
    parameters = (
        {
            "iss": issuer,
            "jwks-private": json.dumps({"keys": [key]}),
            "name-claim": "mandatory",
            "claims": claims,
            "session-cookie-name": "SID",
        }
        | LASTS
        | dict.fromkeys(ALLOWED, True)
    )
    back, out, _ = addresses_of(mailroom)
    client = {"client_id": CLIENT, "client_secret": SECRET, "confidential": True, "name": "Mailroom", "scope": []}
    client |= {"authorization_type": ["code"], "token_endpoint_auth_method": ["client_secret_basic"]}
    client |= {"redirect_uri": [back], "post_logout_redirect_uris": [out]}
    with httpx.Client(base_url=api, timeout=processes.HANG, trust_env=False) as admin:
        post(admin, "/auth/", ADMIN)
        post(admin, "/mod/plugin/", {"module": "oidc", "name": "oidc", "display_name": "Company", "parameters": parameters})
        post(admin, "/client/", client)
        for name, more in people.items():
            post(admin, "/user/", {"username": name, "password": PASSWORD, "scope": ["openid"], **more})
    return issuer


def describe_claim(name: str, of: str) -> dict[str, Any]:
    """A claim that everybody's ID token has, from this property of theirs."""
    return {"name": name, "user-property": of, "type": "string", "mandatory": True, "on-demand": False, "scope": []}


def post(admin: httpx.Client, path: str, given: Mapping[str, Any]) -> None:
    """A change by its administration."""
    answer = admin.post(path, json=given)
    assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
