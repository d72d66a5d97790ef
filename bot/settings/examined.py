"""What this server is set up to do, and what of it is probably not so meant."""

from collections.abc import Sequence
from importlib.metadata import version

from bot.core.say import findings
from bot.ports.examined import Finding, State
from bot.settings import Settings


class SettingsExamined:
    """Says what the settings come to."""

    def __init__(self, settings: Settings) -> None:
        at = settings.web_url or f"http://{settings.host}:{settings.port}"
        address = f"{at}{settings.webhook_path}"
        allowed = settings.file.allowed_repositories
        self._found = [
            Finding(
                "bot", State.FINE, *findings.listens(version("batch-bot"), address)
            ),
            Finding("repositories", State.FINE, *findings.open_to(allowed)),
            *(Finding("settings", State.NOTE, doubt) for doubt in settings.doubts()),
        ]

    async def examine(self) -> Sequence[Finding]:
        """Return what is to be said now. Never raises."""
        return self._found
