"""What the state says to a log, remembered."""

from __future__ import annotations


class Said(list):
    """(level, text) of each line; ``say`` takes them."""

    def say(self, level, text):
        self.append((level, text))

    @property
    def levels(self):
        return [level for level, _ in self]
