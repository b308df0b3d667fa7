"""A page of the distribution's Chromium over its DevTools protocol and two pipes: nothing stands between a key and what it does."""

import contextlib
import json
import os
import select
import subprocess
from collections.abc import Iterator
from typing import Any

from tests.peers import processes
from tests.peers.browsers.browser import FLAGS

WINDOW = "--window-size=1400,900"
END = b"\0"  # of a message


class Page:
    """The one page of a fresh profile."""

    def __init__(self, asking: int, answering: int) -> None:
        self.asking, self.answering = asking, answering
        self.number, self.session, self.rest = 0, "", b""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.ask(f"{domain}.enable")
        self.ask("Emulation.setFocusEmulationEnabled", enabled=True)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Sends a command and returns its result; skips events."""
        self.number += 1
        order = {"id": self.number, "method": method, "params": params} | ({"sessionId": self.session} if self.session else {})
        os.write(self.asking, json.dumps(order).encode() + END)
        while (told := self.message()).get("id") != self.number:
            pass
        if "error" in told:
            raise RuntimeError(f"{method}: {told['error']['message']}")
        result: dict[str, Any] = told["result"]
        return result

    def message(self) -> dict[str, Any]:
        """Return the next message from the browser."""
        while END not in self.rest:
            if not select.select([self.answering], [], [], processes.HANG)[0]:
                raise TimeoutError("Chromium does not answer")
            if not (more := os.read(self.answering, 1 << 16)):
                raise EOFError("Chromium has ended")
            self.rest += more
        first, _, self.rest = self.rest.partition(END)
        told: dict[str, Any] = json.loads(first)
        return told

    def value(self, expression: str) -> Any:
        """Evaluate an expression in the page; of a promise, its result."""
        told = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"].get("exception", {}).get("description", expression))
        return told["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """A key goes down and up; `code` is the number that it has on Windows."""
        text = "\r" if key == "Enter" else key if len(key) == 1 else ""
        key_down = {"key": key, "windowsVirtualKeyCode": code} | ({"text": text} if text else {})
        self.ask("Input.dispatchKeyEvent", type="keyDown", **key_down)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)


@contextlib.contextmanager
def open_page() -> Iterator[Page]:
    """A browser with one page; Missing where there is no Chromium."""
    program = processes.need("chromium", "chromium")
    with processes.short_directory("chromium") as profile, contextlib.ExitStack() as stack:
        (asked, asking), (answering, answered) = os.pipe(), os.pipe()
        for one in (asking, answering):
            stack.callback(os.close, one)
        headless = ["--headless=new", WINDOW, "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        # the lowest free numbers come first, so nothing of ours is lost by taking 3 and 4
        with_pipes = ["setpriv", "--pdeathsig", "TERM", "bash", "-c", f'exec "$@" 3<&{asked} 4>&{answered}', "bash"]
        process = subprocess.Popen(
            [*with_pipes, program, *FLAGS, *headless],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(asked, answered),
            start_new_session=True,
        )
        stack.callback(processes.stop, process)
        os.close(asked)
        os.close(answered)
        yield Page(asking, answering)
