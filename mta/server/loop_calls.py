"""Calls from other threads into the event loop's thread."""

import asyncio
from collections import deque
from collections.abc import Callable


class Later:
    """Asked many times at once, the loop is woken once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.waiting: deque[Callable[[], None]] = deque()
        self.is_woken = False

    def __call__(self, task: Callable[[], None]) -> None:
        """Schedules a task soon."""
        self.waiting.append(task)
        if not self.is_woken:
            self.is_woken = True
            self.loop.call_soon_threadsafe(self._do)

    def _do(self) -> None:
        self.is_woken = False  # before the tasks: who comes from here on wakes again
        for _ in range(len(self.waiting)):  # what they ask for themselves comes after everybody else's turn
            try:
                self.waiting.popleft()()
            except Exception as fault:  # the others are done all the same
                self.loop.call_exception_handler({"message": "a session could not go on", "exception": fault})
