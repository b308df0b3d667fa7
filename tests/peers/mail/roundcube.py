"""Roundcube as Debian installs it, on PHP's own web server and SQLite, with our plugin and before a Dovecot of a test."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from tests.peers import processes
from tests.peers.mail import dovecot

PACKAGES = "roundcube-core roundcube-sqlite3 php-cli php-sqlite3 php-mbstring php-xml php-intl php-curl"
INSTALLED = Path("/usr/share/roundcube")
PLUGIN = Path(__file__).parents[3] / "webmail" / "roundcube" / "mailroom"
CONFIG = """<?php
$config = [];
$config['db_dsnw'] = 'sqlite:///{directory}/roundcube.db?mode=0640';
$config['imap_host'] = '127.0.0.1:{imap_port}';
$config['smtp_host'] = '127.0.0.1:1';
$config['des_key'] = 'rcmail-tests-24-letters!';
$config['plugins'] = ['mailroom'];
$config['skin'] = 'elastic';
$config['log_dir'] = '{directory}/logs/';
$config['temp_dir'] = '{directory}/temp/';
$config['enable_spellcheck'] = false;
$config['session_samesite'] = 'Lax';
$config['message_show_email'] = true;
$config['prefer_html'] = true;
$config['mailroom_api'] = '{api}/api/v1';
$config['mailroom_console'] = '{api}';
"""
ENTRANCE = """<?php
define('INSTALL_PATH', '{directory}/');
chdir('{directory}');
require '{installed}/index.php';
"""


@contextlib.contextmanager
def start_roundcube(server: dovecot.Server, api: str) -> Iterator[str]:
    """Starts Roundcube before this Dovecot, with the API at this origin; its address. The password is `dovecot.PASSWORD`."""
    program = processes.need("php", PACKAGES)
    with processes.short_directory("roundcube") as directory:
        lay_out(directory, server.imap_port, api)
        port, log = processes.free_port(), directory / "output"
        workers = {**os.environ, "PHP_CLI_SERVER_WORKERS": "3", "ROUNDCUBE_CONFIG_DIR": str(directory / "config")}
        command = [program, "-d", f"session.save_path={directory}/temp", "-S", f"127.0.0.1:{port}", "-t", str(directory)]
        process = processes.start(command, log, environment=workers)
        try:
            processes.until(processes.is_answering(port), "Roundcube answers", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            processes.stop(process)


def lay_out(directory: Path, imap_port: int, api: str) -> None:
    """Write its configuration, its empty database and the place where our plugin lies."""
    for name in ("logs", "temp", "config", "plugins"):
        (directory / name).mkdir()
    for name in ("program", "skins", "SQL"):
        (directory / name).symlink_to(INSTALLED / name)
    for plugin in (INSTALLED / "plugins").iterdir():
        (directory / "plugins" / plugin.name).symlink_to(plugin)
    (directory / "plugins" / "mailroom").symlink_to(PLUGIN)
    (directory / "config" / "defaults.inc.php").symlink_to("/etc/roundcube/defaults.inc.php")
    (directory / "config" / "mimetypes.php").symlink_to("/etc/roundcube/mimetypes.php")
    (directory / "config" / "config.inc.php").write_text(CONFIG.format(directory=directory, imap_port=imap_port, api=api))
    (directory / "index.php").write_text(ENTRANCE.format(directory=directory, installed=INSTALLED))
    with contextlib.closing(sqlite3.connect(directory / "roundcube.db")) as database:
        database.executescript((INSTALLED / "SQL" / "sqlite.initial.sql").read_text("utf-8"))
