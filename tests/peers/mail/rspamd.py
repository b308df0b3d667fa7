"""A real Rspamd of the distribution with its built-in test pattern only: no network, no learned words."""

import contextlib
import urllib.request
from collections.abc import Iterator

from tests.peers.processes import free_port, need, short_directory, start, stop, until

JUNK = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"  # what it rejects

CONFIGURATION = """
options {{
    pidfile = "{directory}/pid"; rrd = ""; tempdir = "{directory}"; hs_cache_dir = "{directory}"; disable_hyperscan = true;
    url_tld = "{directory}/tlds"; control_socket = "{directory}/control mode=0600"; filters = "";
    dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }}
}}
logging {{ type = "console"; level = "info"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
actions {{ reject = 15; "add header" = 6; greylist = 4; }}
"""


LEARNING = """
worker "controller" {{ bind_socket = "127.0.0.1:{port}"; count = 1; secure_ip = ["127.0.0.1"]; }}
classifier "bayes" {{
    tokenizer {{ name = "osb"; }}
    backend = "sqlite3";
    statfile {{ symbol = "BAYES_SPAM"; spam = true; path = "{directory}/spam.sqlite"; }}
    statfile {{ symbol = "BAYES_HAM"; spam = false; path = "{directory}/ham.sqlite"; }}
}}
"""


@contextlib.contextmanager
def start_rspamd(*, learning: bool = False) -> Iterator[str]:
    """The URL of its normal worker; or of its controller, where it learns."""
    program = need("rspamd", "rspamd")
    with short_directory("rspamd") as directory:
        port = free_port()
        configuration = CONFIGURATION.format(directory=directory, port=free_port() if learning else port)
        more = LEARNING.format(directory=directory, port=port) if learning else ""
        (directory / "rspamd.conf").write_text(configuration + more)
        (directory / "tlds").write_text("example\n")  # the whole list takes it 10 s to read
        log = directory / "log"
        process = start([program, "-f", "-i", "-c", str(directory / "rspamd.conf")], log)
        try:
            until(lambda: is_answering(port), "Rspamd answers", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            stop(process)


def is_answering(port: int) -> bool:
    """Whether its worker answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5) as answer:
            return bool(answer.read().strip() == b"pong")
    except OSError:
        return False
