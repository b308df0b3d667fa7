"""The listening sockets of the SMTP server: bound ones, also in the file system, where what a killed process left is replaced."""

import smtplib
import socket
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mta.server import receiver, sockets
from mta.spool import recipient_map_file
from tests.mta.server.test_receiver import MAIL
from tests.peers.processes import HANG, free_port, short_directory
from tests.peers.receiving import RECIPIENT_MAP, read_spool
from triage.config.settings import Settings, Smtp
from triage.errors import BadInput


def test_lmtp_by_a_unix_socket_that_owner_and_group_may_connect_to(settings: Settings) -> None:
    with short_directory("lmtp") as directory:
        path = directory / "lmtp"
        smtp = replace(settings.smtp, listen=f"127.0.0.1:{free_port()}", lmtp_listen=str(path))
        recipient_map_file.write_map(settings.spool.directory, RECIPIENT_MAP)
        ready, stop = threading.Event(), threading.Event()
        thread = threading.Thread(target=receiver.run_role, args=(replace(settings, smtp=smtp), ready.set, stop))
        thread.start()
        assert ready.wait(HANG)
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        with smtplib.LMTP(str(path)) as edge:
            edge.sendmail("a@stranger.example", ["anna@company.example"], MAIL)
        stop.set()
        thread.join(HANG)
    ((envelope, raw),) = read_spool(settings.spool.directory)
    assert (envelope.edge, envelope.client, envelope.protocol, raw) == ("local", "", "LMTP", MAIL)


def test_a_socket_that_was_left_is_replaced_and_one_in_use_is_not() -> None:
    with short_directory("lmtp") as directory:
        path = str(directory / "lmtp")
        left = socket.socket(socket.AF_UNIX)
        left.bind(path)
        left.close()
        with sockets.bound_path(path) as listener:
            assert sockets.name_of(listener) == path
            with pytest.raises(BadInput, match=r"is in use; stop the other program or change smtp\.lmtp_listen"):
                sockets.bound_path(path)
        Path(path).unlink()
        Path(path).write_text("not a socket")
        with pytest.raises(BadInput, match="is in use"):
            sockets.bound_path(path)
        with pytest.raises(BadInput, match="cannot be listened on: No such file or directory"):
            sockets.bound_path(f"{directory}/missing/lmtp")


def test_both_addresses_are_listened_on() -> None:
    own = sockets.open_listeners(Smtp(listen=f"127.0.0.1:{free_port()}", lmtp_listen=f"127.0.0.1:{free_port()}"))
    assert (len(own.smtp), len(own.lmtp)) == (1, 1)
    assert str(own).endswith(" (LMTP)")
    own.close()
