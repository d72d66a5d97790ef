"""Who the app is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class App:
    """The app as it appears on GitHub."""

    id: int
    login: str  # slug[bot]
