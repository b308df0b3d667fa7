"""The distribution's Firefox as people use it, over WebDriver BiDi, which it speaks itself: Debian has no geckodriver."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.peers import processes

# what a browser does for itself is no test of a page: nothing here changes how pages are loaded
PREFERENCES = {
    "remote.prefs.recommended": False,  # they would keep it from connecting ahead, which is what is looked for
    "app.update.disabledForTesting": True,
    "app.normandy.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.enabled": False,
}
LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
EVENTS = ["browsingContext.contextCreated", "browsingContext.userPromptOpened", "network.beforeRequestSent"]


class Firefox:
    """A browser with one page, and all that its pages have done since."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection, self.number = connection, 0
        self.events: list[tuple[str, dict[str, Any]]] = []
        told = self.ask("session.new", capabilities={"alwaysMatch": {"unhandledPromptBehavior": {"default": "dismiss"}}})
        self.version = told["capabilities"]["browserVersion"]
        (self.page,) = (one["context"] for one in self.ask("browsingContext.getTree")["contexts"])
        self.ask("browsingContext.setViewport", context=self.page, viewport={"width": 1400, "height": 900})
        self.ask("session.subscribe", events=EVENTS)
        self.events.clear()  # of the page that is there already

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Sends a command and returns its result; keeps events that come meanwhile."""
        self.number += 1
        self.connection.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while (told := json.loads(self.connection.recv(processes.HANG))).get("id") != self.number:
            if told["type"] == "event":
                self.events.append((told["method"], told["params"]))
        if told["type"] == "error":
            raise RuntimeError(f"{method}: {told['error']}: {told['message']}")
        result: dict[str, Any] = told["result"]
        return result

    def go(self, url: str, wait: str = "complete") -> None:
        """Open a page."""
        self.ask("browsingContext.navigate", context=self.page, url=url, wait=wait)

    def before_each_page(self, function: str) -> None:
        """Run a function in the page, and not in its frames, before its own scripts."""
        self.ask("script.addPreloadScript", functionDeclaration=function, contexts=[self.page])

    def value(self, expression: str) -> Any:
        """Evaluate an expression in the page; return its value, or what its promise becomes, as JSON carries it."""
        text = f"(async () => JSON.stringify(await ({expression})))()"
        told = self.ask("script.evaluate", expression=text, target={"context": self.page}, awaitPromise=True)
        if told["type"] == "exception":
            raise RuntimeError(told["exceptionDetails"]["text"])
        return json.loads(told["result"].get("value", "null"))

    def press(self, key: str) -> None:
        """A key goes down and up."""
        stroke = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.ask("input.performActions", context=self.page, actions=[{"type": "key", "id": "keys", "actions": stroke}])

    def click(self, x: float, y: float, button: int = 0) -> None:
        """A click at a point of the page; button 1 is the one in the middle."""
        there = [{"type": "pointerMove", "x": round(x), "y": round(y)}]
        there += [{"type": "pointerDown", "button": button}, {"type": "pointerUp", "button": button}]
        self.ask("input.performActions", context=self.page, actions=[{"type": "pointer", "id": "mouse", "actions": there}])

    def cookie(self, name: str, value: str, host: str) -> None:
        """Keep a cookie for a host."""
        self.ask("storage.setCookie", cookie={"name": name, "value": {"type": "string", "value": value}, "domain": host})

    def strays(self, *allowed: str) -> list[str]:
        """Requests of pages to anywhere that does not begin so, dialogs, and pages that were opened."""
        found = []
        for method, params in self.events:
            if method == "network.beforeRequestSent" and params["context"]:
                found += [params["request"]["url"]] if not params["request"]["url"].startswith(allowed) else []
            elif method == "browsingContext.userPromptOpened":
                found.append(f"a dialog: {params['message']}")
            elif method == "browsingContext.contextCreated" and params["parent"] is None:
                found.append(f"a page: {params['url']}")
        return found


@contextlib.contextmanager
def start_firefox(preferences: Mapping[str, Any] | None = None) -> Iterator[Firefox]:
    """A browser in a fresh profile, with more preferences; Missing where it is not installed."""
    program = processes.need("firefox-esr", "firefox-esr")
    with processes.short_directory("firefox") as directory:
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in (PREFERENCES | dict(preferences or {})).items()]
        (directory / "user.js").write_text("\n".join(lines))
        log = directory / "log"
        command = [program, "--headless", "--no-remote", "--profile", str(directory), "--remote-debugging-port=0"]
        process = processes.start(command, log)
        try:
            address = processes.until(lambda: find_listener(log), "Firefox listens", process, log)
            with connect(f"{address}/session", max_size=None, proxy=None, open_timeout=processes.HANG, ping_interval=None) as connection:
                yield Firefox(connection)
        finally:
            processes.stop(process)


def find_listener(log: Path) -> str:
    """Address on which Firefox takes commands; "" before it does."""
    said = LISTENS.search(log.read_text(errors="replace"))
    return said[1] if said else ""
