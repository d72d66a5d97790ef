import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from bot.logs import configure_logging


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
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
    assert "[secret]" in text
    assert secret not in text
    assert secret[-12:] not in text
    assert "ValueError" in text


def test_configuring_again_does_not_double_the_lines():
    first, second = io.StringIO(), io.StringIO()
    configure_logging(level="info", style="json", stream=first)
    configure_logging(level="error", style="json", stream=second)
    structlog.get_logger().error("once")
    logging.getLogger("x").warning("unseen")
    assert first.getvalue() == ""
    assert [line["event"] for line in lines(second)] == ["once"]
