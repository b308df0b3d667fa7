"""Who looked at which message lately: a second look within a quarter of an hour is the same one, and not put on the record again."""

import threading
import time
from collections import OrderedDict

AGAIN = 900.0  # seconds
MOST = 20_000


class Viewed:
    """The looks of one API process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.looks: OrderedDict[tuple[str, int], float] = OrderedDict()

    def anew(self, who: str, message_id: int) -> bool:
        """Is this a look that is not on the record yet? The caller puts it there."""
        now = time.monotonic()
        with self.lock:
            last = self.looks.get((who, message_id))
            if last is not None and now - last < AGAIN:
                return False
            self.looks[who, message_id] = now
            self.looks.move_to_end((who, message_id))
            while len(self.looks) > MOST:
                self.looks.popitem(last=False)
            return True

    def forget(self, who: str, message_id: int) -> None:
        """It could not be put on the record: the next look is a new one."""
        with self.lock:
            self.looks.pop((who, message_id), None)
