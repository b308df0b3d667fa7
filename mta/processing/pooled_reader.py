"""Readers of messages that ask children of their own, apart from the parser's."""

from typing import Self

from triage.runtime.sandbox_pool import Pool


class PooledReader:
    """Reader with a pool of children, which end with it; safe for several threads."""

    pool: Pool

    def close(self) -> None:
        """End the children."""
        self.pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
