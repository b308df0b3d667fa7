"""Debian's Thunderbird without a screen, driven over its own Marionette protocol: an add-on, a message, and the add-on's pages."""

import base64
import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.peers import processes

ADDON = "report@mailroom.example"
PREFERENCES = {
    "extensions.webextOptionalPermissionPrompts": False,  # the person says yes; which host was asked for is looked at
    "app.update.auto": False,
    "app.donation.eoy.version.viewed": 999,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
SERVICES = 'const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");'
TABS = 'const tabs = Services.wm.getMostRecentWindow("mail:3pane").document.getElementById("tabmail");'
SHOW = f"""{SERVICES} {TABS}
try {{ MailServices.accounts.localFoldersServer }} catch {{ MailServices.accounts.createLocalMailAccount() }}
const root = MailServices.accounts.localFoldersServer.rootFolder
if (!root.containsChildNamed("Trial")) root.createSubfolder("Trial", null)
const folder = root.getChildNamed("Trial").QueryInterface(Ci.nsIMsgLocalMailFolder)
const header = folder.addMessage("From - Tue Dec  1 10:00:00 2026\\n" + given[0])
tabs.openTab("mailMessageTab", {{ messageURI: folder.getUriForMsg(header) }})
"""
CLICK = f"""{TABS}
const shown = tabs.currentAboutMessage
if (!shown?.msgLoaded || tabs.currentTabInfo !== tabs.tabInfo.at(-1)) return false
const button = shown.document.getElementById("report_mailroom_example-messageDisplayAction-toolbarbutton")
if (!button || button.disabled) return false
button.click()
return true
"""
CLOSE = f"""{TABS}
while (tabs.tabInfo.length > 1) tabs.closeTab(tabs.tabInfo.at(-1))
"""
OPTIONS = """const { ExtensionParent } = ChromeUtils.importESModule("resource://gre/modules/ExtensionParent.sys.mjs");
TABS
tabs.openTab("contentTab", { url: WebExtensionPolicy.getByID(given[0]).getURL("link.html"),
  linkHandler: "single-page", userContextId: 0, triggeringPrincipal: WebExtensionPolicy.getByID(given[0]).extension.principal })
""".replace("TABS", TABS)
IN_PAGE = """TABS
const pages = [...document.querySelectorAll("browser"), ...tabs.tabInfo.map(one => one.browser).filter(Boolean),
  ...[...Services.wm.getEnumerator(null)].flatMap(win => [...win.document.querySelectorAll("browser")])]
const page = pages.findLast(one => one.currentURI?.spec.endsWith(given[0]))
if (!page) return null
return await new Promise(resolve => {
  const name = "mailroom:" + Math.random()
  page.messageManager.addMessageListener(name, function heard({ data }) {
    page.messageManager.removeMessageListener(name, heard)
    resolve(data)
  })
  const script = `{
    const document = content.document
    const hand = content.windowUtils.setHandlingUserInput(true)
    let said
    try { said = (() => { ${given[1]} })() } catch (fault) { said = String(fault) } finally { hand.destruct() }
    sendAsyncMessage("${name}", said ?? null)
  }`
  page.messageManager.loadFrameScript("data:application/javascript;charset=utf-8," + encodeURIComponent(script), false)
})
""".replace("TABS", TABS)
LANGUAGE = """Services.locale.availableLocales = [given[0], "en-US"]
Services.locale.requestedLocales = [given[0]]
"""
DRAW = """TABS
const win = Services.wm.getMostRecentWindow("mail:3pane")
const page = [...win.document.querySelectorAll("browser")].findLast(one => one.currentURI?.spec.endsWith(given[0]))
const draw = one => one.browsingContext.currentWindowGlobal.drawSnapshot(null, 1, "white")
const [behind, popup] = [await draw(win), await draw(page)]
const canvas = new win.OffscreenCanvas(behind.width, behind.height)
const context = canvas.getContext("2d")
const place = page.getBoundingClientRect()
context.drawImage(behind, 0, 0)
context.strokeRect(place.x - 0.5, place.y - 0.5, popup.width + 1, popup.height + 1)
context.drawImage(popup, place.x, place.y)
const bytes = new win.Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer())
return { png: win.btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), "")), where: JSON.stringify(place) }
""".replace("TABS", TABS)
HOSTS = f"return WebExtensionPolicy.getByID({json.dumps(ADDON)}).allowedOrigins.patterns.map(one => one.pattern)"


class Thunderbird:
    """A running Thunderbird."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self.file, self.number = connection, connection.makefile("rb"), 0
        self.read_answer()
        self.ask("WebDriver:NewSession")
        self.ask("Marionette:SetContext", value="chrome")

    def read_answer(self) -> Any:
        """Reads one message: its length, a colon, JSON."""
        digits = b""
        while (byte := self.file.read(1)) != b":":
            assert byte, "Thunderbird hung up"
            digits += byte
        return json.loads(self.file.read(int(digits)))

    def ask(self, command: str, **given: Any) -> Any:
        """Sends a command and returns its result."""
        self.number += 1
        text = json.dumps([0, self.number, command, given]).encode()
        self.connection.sendall(str(len(text)).encode() + b":" + text)
        _, _, fault, result = self.read_answer()
        assert not fault, fault
        return result

    def run(self, script: str, *given: Any) -> Any:
        """Runs a script in the program itself; `given` are its arguments."""
        whole = (
            "const [given, done] = arguments; (async () => {"
            + script
            + "})().then(value => done({ value }), e => done({ fault: String(e) }))"
        )
        answer = self.ask("WebDriver:ExecuteAsyncScript", script=whole, args=[list(given)])["value"]
        assert "fault" not in answer, answer
        return answer.get("value")

    def speak(self, language: str) -> None:
        """Takes another language for add-ons, before they are installed; its own words stay, where it has no others."""
        self.run(LANGUAGE, language)

    def install(self, path: Path) -> None:
        """Installs an add-on until the program ends."""
        assert self.ask("Addon:Install", path=str(path), temporary=True)["value"] == ADDON

    def show(self, message: bytes) -> None:
        """Opens a message in a tab of its own and presses the add-on's button."""
        self.run(CLOSE)
        processes.until(lambda: self.page("message.html", "return true") is None, "the popup before is gone")
        self.run(SHOW, message.decode())
        processes.until(lambda: self.run(CLICK), "the button of the add-on is there")

    def open_options(self) -> None:
        """Opens the add-on's settings."""
        self.run(OPTIONS, ADDON)

    def page(self, name: str, script: str) -> Any:
        """Runs a script in a page of the add-on; None while it is not there."""
        return self.run(IN_PAGE, f"/{name}", script)

    def says(self, name: str, sentence: str) -> None:
        """Wait until a page says this."""
        processes.until(lambda: sentence in str(self.page(name, "return document.body?.innerText ?? ''")), f"{name} says {sentence}")

    def draw(self, name: str, path: Path) -> None:
        """Writes a picture of the window with the popup of the add-on where it lies: nothing here has a screen."""
        path.write_bytes(base64.b64decode(self.run(DRAW, f"/{name}")["png"]))

    def hosts(self) -> list[str]:
        """The hosts that the add-on may reach."""
        return [one for one in self.run(HOSTS) if not one.startswith("moz-extension:")]

    def close(self) -> None:
        """Ends the session."""
        self.file.close()
        self.connection.close()


@contextlib.contextmanager
def start_thunderbird() -> Iterator[Thunderbird]:
    """Thunderbird with an empty profile."""
    program, port = processes.need("thunderbird", "thunderbird"), processes.free_port()
    with processes.short_directory("thunderbird") as directory:
        wanted = PREFERENCES | {"marionette.port": port}
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in wanted.items()]
        (directory / "user.js").write_text("\n".join(lines))
        command = [program, "--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", str(directory)]
        with (directory / "output").open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | {"HOME": str(directory)})
        try:
            processes.until(processes.is_answering(port), "Thunderbird answers", process, directory / "output")
            running = Thunderbird(socket.create_connection(("127.0.0.1", port), timeout=processes.HANG))
            yield running
            running.close()
        finally:
            processes.stop(process)
