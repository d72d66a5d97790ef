"""Small pages for who is not let in, and for answers to forms: text, links, one form."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from aiohttp import web

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    # With less, browsers would not say where a form comes from.
    "Referrer-Policy": "same-origin",
    "Vary": "Accept, Authorization, Cookie",
}


@dataclass(frozen=True, slots=True)
class Way:
    """A link to go on with."""

    text: str
    path: str


def page(
    title: str,
    words: str,
    *,
    status: int = 200,
    ways: Sequence[Way] = (),
    form: str = "",
) -> web.Response:
    """Return a page. *title* and *words* are plain text, *form* is HTML of the bot's own."""
    paragraphs = "".join(f"<p>{escape(part)}</p>" for part in words.split("\n\n"))
    links = "".join(
        f'<p><a href="{escape(one.path)}">{escape(one.text)}</a></p>' for one in ways
    )
    html = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)} · batch-bot</title>\n"
        '<link rel="stylesheet" href="/static/pages.css">\n</head>\n<body>\n'
        '<main id="main"><section class="card">'
        f"<h1>{escape(title)}</h1>{paragraphs}{links}{form}"
        "</section></main>\n</body>\n</html>\n"
    )
    return web.Response(
        text=html, status=status, content_type="text/html", headers=HEADERS
    )


def wants_json(request: web.Request) -> bool:
    """Return whether JSON was asked for: by the address, or before HTML by ``Accept``."""
    if request.path.endswith(".json"):
        return True
    kinds = request.headers.get("Accept", "").split(",")
    names = [kind.partition(";")[0].strip() for kind in kinds]
    if "application/json" not in names:
        return False
    return "text/html" not in names[: names.index("application/json")]
