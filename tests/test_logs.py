import base64
import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import pytest
import structlog

from bot.core.world.redaction import Secrets
from bot.logs import configure_logging
from tests.github.server import private_key


@pytest.fixture(autouse=True)
def of_no_work() -> Iterator[None]:
    yield
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_both_kinds_of_loggers_write_the_same_lines():
    stream = io.StringIO()
    configure_logging(level="info", style="json", stream=stream)
    with structlog.contextvars.bound_contextvars(batch="b7k2", item=12):
        structlog.get_logger("bot.engine").info("item started", attempt=1)
        logging.getLogger("aiohttp").warning("odd %s", "request", extra={"port": 1})
    structlog.get_logger("bot.engine").debug("unseen")
    logging.getLogger("aiohttp").debug("unseen")
    ours, theirs = lines(stream)
    assert ours.pop("timestamp").endswith("Z")
    assert theirs.pop("timestamp").endswith("Z")
    assert ours == {
        "event": "item started",
        "level": "info",
        "logger": "bot.engine",
        "batch": "b7k2",
        "item": 12,
        "attempt": 1,
    }
    assert theirs == {
        "event": "odd request",
        "level": "warning",
        "logger": "aiohttp",
        "batch": "b7k2",
        "item": 12,
        "port": 1,
    }


@pytest.mark.parametrize("style", ["json", "pretty"])
@pytest.mark.parametrize(
    "secret",
    [
        "ghs_" + "a1B2" * 9,
        "github_pat_" + "a1B2" * 9,
        "eyJhbGciOi.eyJpc3MiOi.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_hidden(style: Any, secret: str):
    stream = io.StringIO()
    configure_logging(level="info", style=style, stream=stream)
    log = structlog.get_logger()
    log.info("token", value=f"before {secret} after")
    try:
        int(secret)
    except ValueError:
        log.exception("failed", token=secret)
    text = stream.getvalue()
    assert "[redacted]" in text
    assert secret not in text
    assert secret[-12:] not in text
    assert "ValueError" in text


def test_what_is_debugged_is_the_bot_and_not_what_it_uses():
    stream = io.StringIO()
    configure_logging(level="debug", style="json", stream=stream)
    logging.getLogger("markdown_it.rules_block").debug("entering paragraph: %s", "x")
    logging.getLogger("aiosqlite").debug("a row")
    logging.getLogger("aiohttp").info("served")
    structlog.get_logger("bot.engine").debug("looked")
    assert [line["event"] for line in lines(stream)] == ["served", "looked"]
    configure_logging(level="error", style="json", stream=stream)
    structlog.get_logger("bot.engine").warning("unseen")
    assert len(lines(stream)) == 2


def test_configuring_again_does_not_double_the_lines():
    first, second = io.StringIO(), io.StringIO()
    configure_logging(level="info", style="json", stream=first)
    configure_logging(level="error", style="json", stream=second)
    structlog.get_logger().error("once")
    logging.getLogger("x").warning("unseen")
    assert first.getvalue() == ""
    assert [line["event"] for line in lines(second)] == ["once"]


WEBHOOK_SECRET = "correct horse battery"  # noqa: S105 - of tests


@dataclass
class Told:
    text: str


def tell_everywhere(text: str) -> None:
    """Log *text* by every way that a value has into a line."""
    log = structlog.get_logger()
    log.warning(text)
    log.warning("value", value=text, count=1)
    log.warning("inside", told={text: [text, (text,), {text}]}, path=PurePath(text))
    log.warning("object", told=Told(text), error=ValueError(text))
    with structlog.contextvars.bound_contextvars(delivery=text):
        logging.getLogger("aiohttp").warning("odd %s", text, extra={"more": text})
    try:
        dict[str, str]()[text]
    except KeyError:
        log.exception("failed")
        logging.getLogger("asyncio").exception("failed")


@pytest.mark.parametrize("style", ["json", "pretty"])
@pytest.mark.parametrize(
    "shown",
    [
        WEBHOOK_SECRET,
        private_key(),
        private_key().splitlines()[3],
        base64.b64encode(f"x:{WEBHOOK_SECRET}".encode()).decode(),
        "ghs_" + "a1B2" * 9,
    ],
    ids=["webhook secret", "private key", "a line of it", "in base64", "token"],
)
def test_no_secret_is_written_by_any_way(style: Any, shown: str):
    stream = io.StringIO()
    secrets = Secrets([WEBHOOK_SECRET, private_key(), ""])
    configure_logging(level="info", style=style, stream=stream, secrets=secrets)
    tell_everywhere(shown)
    text = stream.getvalue()
    assert text.count("[redacted]") >= 12
    for line in shown.splitlines():
        if "PRIVATE KEY" not in line:
            assert line[4:-8] not in text


HOSTILE = {
    "colours": "\x1b[31mred\x1b[0m",
    "a title": "\x1b]0;owned\x07",
    "a line of its own": "x\n2026-03-03T15:00:00Z [info     ] batch finished batch=b7k2",
    "a carriage return": "x\r2026-03-03T15:00:00Z [info     ] all is well",
    "other line ends": "x\x0by\x0cz\x85\u2028\u2029{}",
    "backwards": "\u202eevil\u2066",
    "nothing": "\x00\x7f\x9b31m",
    "half a character": "\ud800 \udfff",
    "a quote": '"}\n{"event": "forged"}',
}


@pytest.mark.parametrize("style", ["json", "pretty"])
@pytest.mark.parametrize("what", HOSTILE)
def test_no_text_moves_the_cursor_or_passes_for_a_line(style: Any, what: str):
    stream = io.StringIO()
    configure_logging(level="info", style=style, stream=stream)
    tell_everywhere(HOSTILE[what])
    text = stream.getvalue()
    assert all(line.isprintable() for line in text.split("\n"))
    text.encode()
    own = [line for line in text.splitlines() if not line.startswith("  ")]
    assert len(own) == 7
    if style == "json":
        assert len(lines(stream)) == 7
    else:
        assert all(re.match(r"20\d\d-", line) for line in own)
        assert not any(line.startswith("2026-03-03") for line in own)
