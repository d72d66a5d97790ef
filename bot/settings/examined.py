"""What this server is set up to do, and what of it is probably not so meant."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from urllib.parse import urlsplit

from bot.core.say import findings
from bot.ports.examined import Finding, State
from bot.settings import Settings

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SettingsExamined:
    """Says what the settings come to."""

    def __init__(self, settings: Settings) -> None:
        at = settings.web_url or f"http://{settings.host}:{settings.port}"
        address = f"{at}{settings.webhook_path}"
        allowed = settings.file.allowed_repositories
        self._found = [
            Finding(
                "settings", State.FINE, *findings.listens(version("batch-bot"), address)
            ),
            Finding("repositories", State.FINE, *findings.open_to(allowed)),
            *(Finding("settings", State.NOTE, doubt) for doubt in settings.doubts()),
            *(Finding("pages", State.NOTE, *words) for words in _of_pages(settings)),
        ]

    async def examine(self) -> Sequence[Finding]:
        """Return what is to be said now. Never raises."""
        return self._found


def _of_pages(settings: Settings) -> Iterator[findings.Words]:
    """Yield what is to be said of who comes in to the pages, if there are any."""
    if not settings.web_url:
        return
    client = {
        "CLIENT_ID": settings.client_id,
        "CLIENT_SECRET": settings.client_secret,
    }
    missing = [name for name, value in client.items() if not value]
    if len(missing) == 1:
        yield findings.half_a_client(missing[0])
    elif missing and not settings.operator_token:
        yield findings.only_by_link()
    parts = urlsplit(settings.web_url)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        yield findings.clear_pages(settings.web_url)
