"""One way to write logs: an event with its facts, for people or for machines.

``structlog`` and the standard library's loggers end up in the same lines. Delivery,
batch, item and attempt are bound with ``structlog.contextvars``.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from functools import partial
from typing import Any, Literal, TextIO

import structlog

from bot.core.world.redaction import Secrets

LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_TRACEBACKS = ("exception", "stack")


def configure_logging(
    *,
    level: str,
    style: Literal["json", "pretty"],
    stream: TextIO = sys.stderr,
    secrets: Secrets | None = None,
) -> None:
    """Write events of *level* and above to *stream*, one a line; others' from info on.

    Neither *secrets* nor what looks like one is written.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        partial(_hide_secrets, secrets or Secrets()),
        *(
            [structlog.processors.JSONRenderer()]
            if style == "json"
            else [_escape, structlog.dev.ConsoleRenderer(colors=stream.isatty())]
        ),
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=renderers,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Other libraries are not looked into: a parser says more than it is given.
    root.setLevel(max(LEVELS[level], logging.INFO))
    logging.getLogger("bot").setLevel(LEVELS[level])
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        cache_logger_on_first_use=True,
    )


def _hide_secrets(
    secrets: Secrets, _: Any, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Take out what is a secret or looks like one, in case one reaches a message."""
    return {name: secrets.hide_inside(value) for name, value in event.items()}


def _escape(_: Any, __: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Escape what would move the cursor, or pass for a line of its own.

    JSON does that by itself. The lines of a traceback stay lines, and are indented.
    """
    escaped = {k: _visible(v) if isinstance(v, str) else v for k, v in event.items()}
    for name in _TRACEBACKS:
        if isinstance(event.get(name), str):
            lines = [_visible(line) for line in event[name].split("\n")]
            escaped[name] = "\n".join(f"  {line}" for line in lines)
    return escaped


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
