"""Questions of the console that the server hears when a test lets it."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route

from tests.peers import browser as browser_peer, processes


class Held(list[Route]):
    """Questions that go on when they are let."""

    def __init__(self, page: Page, wanted: str | re.Pattern[str], method: str = "GET") -> None:
        super().__init__()
        self.page = page

        def keep(route: Route) -> None:
            if route.request.method == method:
                self.append(route)
            else:
                route.fallback()

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
