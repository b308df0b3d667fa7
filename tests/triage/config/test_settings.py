"""Settings: every key is documented, and a place to listen is a host and a port."""

import pytest

from triage.config import settings
from triage.errors import BadInput


@pytest.mark.parametrize("listen", ["2525", "host:", "host:port", "host:70000", ":25"])
def test_no_host_and_port(listen: str) -> None:
    with pytest.raises(BadInput, match=r"smtp\.listen must be HOST:PORT"):
        settings.host_port(listen, "smtp.listen")


def test_every_key_is_documented() -> None:
    for section, name, one in settings.every_key():
        assert one.metadata["doc"].endswith("."), f"[{section}] {name}"


def test_by_default_every_port_is_on_loopback() -> None:
    listens = [str(one.default) for _, name, one in settings.every_key() if name in ("listen", "lmtp_listen")]
    assert [listen for listen in listens if listen and not listen.startswith("127.0.0.1:")] == []
    assert len(listens) >= 4
