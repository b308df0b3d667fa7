"""Questions of the console that the server hears when a test lets it."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route

from tests.peers import processes
from tests.peers.browsers import browser as browser_peer


class Held(list[Route]):
    """Questions that go on when they are let."""

    def __init__(self, page: Page, wanted: str | re.Pattern[str], method: str = "GET") -> None:
        super().__init__()
        self.page = page
        self.is_over = False

        def keep(route: Route) -> None:
            if self.is_over or route.request.method != method:
                route.fallback()
            else:
                self.append(route)

        browser_peer.intercept(page, wanted, keep)

    def wait(self, count: int) -> None:
        """Until so many were asked."""
        for _ in range(40 * int(processes.HANG)):
            if len(self) >= count:
                return
            self.page.wait_for_timeout(25)
        raise AssertionError

    def go(self, index: int = 0, how: Callable[[Route], None] = Route.continue_) -> None:
        """Let one go on, until the page has taken its answer."""
        with self.page.expect_event("requestfinished", lambda one: one == self[index].request):
            how(self[index])
        self.page.evaluate("new Promise((taken) => setTimeout(taken, 100))")

    def end(self) -> None:
        """Let all go on, and what is asked from here on."""
        self.is_over = True
        for one in self:
            one.continue_()
