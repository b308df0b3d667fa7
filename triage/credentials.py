"""What the settings of a webhook keep in files: its URL and its keys, read anew for each call."""

from pathlib import Path

from triage.hooks import Hook, fault_of_url


def url_of(hook: Hook) -> str:
    """The URL to call now. ValueError or OSError says why there is none."""
    url = hook.url or Path(hook.url_file).read_text("utf-8").strip()
    if why := fault_of_url(url):
        raise ValueError(f"url_file: {why}")
    return url


def keys_of(hook: Hook) -> tuple[str, ...]:
    """The keys to sign with now, none where nothing is signed. ValueError or OSError says why they cannot be had."""
    if not hook.secret_file:
        return ()
    keys = tuple(line.strip() for line in Path(hook.secret_file).read_text("utf-8").splitlines() if line.strip())
    if not keys:
        raise ValueError("secret_file is empty; `mailroom webhooks secret` makes a key")
    return keys
