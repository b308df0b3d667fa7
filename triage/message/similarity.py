"""Groups similar messages that one has in hand into campaigns, as `campaigns` does, without a database."""

import threading

from triage.message.fingerprint import Fingerprint, pack_features, unpack_features

OF_A_BAND = 50  # representatives that are looked at: the newest, where a band is so common that it tells little
DRIFTED = 0.8  # less like than this, a message becomes a representative itself
MOST_REPRESENTATIVES = 12  # of one campaign


class Likeness:
    """The messages that it was asked about; safe for several threads."""

    def __init__(self) -> None:
        self.campaigns: list[int] = []  # how many representatives each has
        self.representatives: list[tuple[int, bytes]] = []  # campaign and features of each
        self.of_band: dict[int, list[int]] = {}
        self.lock = threading.Lock()

    def name(self, fingerprint: Fingerprint | None) -> str:
        """The same name for every message that is the same thing; "" for one that is like no other by its nature."""
        if fingerprint is None:
            return ""
        with self.lock:
            likeness, campaign = self.nearest(fingerprint)
            if not likeness:
                campaign = len(self.campaigns)
                self.campaigns.append(0)
            if likeness < DRIFTED and self.campaigns[campaign] < MOST_REPRESENTATIVES:
                self.represent(campaign, fingerprint)
        return f"campaign {campaign}"

    def nearest(self, fingerprint: Fingerprint) -> tuple[float, int]:
        """Returns the likeness of the most similar campaign, and its number; 0 when none is similar enough."""
        near = {number for band in fingerprint.bands for number in self.of_band.get(band, ())[-OF_A_BAND:]}
        best = (0.0, 0)
        for number in sorted(near):
            campaign, kept = self.representatives[number]
            features = unpack_features(kept)
            likeness = fingerprint.likeness(features)
            if likeness >= fingerprint.needed(features) and likeness > best[0]:
                best = likeness, campaign
        return best

    def represent(self, campaign: int, fingerprint: Fingerprint) -> None:
        """Let a message stand for its campaign."""
        for band in fingerprint.bands:
            self.of_band.setdefault(band, []).append(len(self.representatives))
        self.representatives.append((campaign, pack_features(fingerprint.features)))
        self.campaigns[campaign] += 1
