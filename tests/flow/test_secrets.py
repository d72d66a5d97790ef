"""No secret gets out: not into a comment, the database, a file or the log."""

import base64
import io
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from bot.core.world.redaction import Secrets
from bot.localhub.faults import Fault
from bot.localhub.pulls import pull_of
from bot.localhub.state import Comment, Review, ReviewComment, Thread
from bot.logs import configure_logging
from tests.flow.world import REPOSITORY, WORKER, World

AGENT_KEY = "mk-0123456789-abcdefghij"
AGENT_CERTIFICATE = "\n".join(f"line-{n}-of-what-the-agent-has" for n in range(3))


@pytest.fixture(autouse=True)
def _what_commands_are_given(on: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_KEY", AGENT_KEY)
    monkeypatch.setenv("AGENT_CERTIFICATE", AGENT_CERTIFICATE)
    on.settings_file["pass_environment"] = ["AGENT_KEY", "AGENT_CERTIFICATE"]


def listen(on: World, stream: io.StringIO) -> None:
    on.secrets = Secrets(on.settings().secrets)
    configure_logging(level="debug", style="json", stream=stream, secrets=on.secrets)


def leaks(on: World) -> str:
    """Return what a command may print that got hold of everything."""
    key, tokens = on.hub.private_key, list(on.hub.tokens)
    secret = on.hub.app.webhook_secret
    return "\n".join(
        [
            *(f"token {token}!" for token in tokens),
            f"secret {secret}",
            key,
            *(f"{n}: {line}" for n, line in enumerate(key.splitlines()[1:-1])),
            key.replace("\n", "\\n"),
            base64.b64encode(secret.encode()).decode(),
            base64.b64encode(f"x-access-token:{tokens[0]}".encode()).decode(),
            base64.encodebytes(key.encode()).decode(),
            f"key={AGENT_KEY}, {base64.b64encode(f'x:{AGENT_KEY}'.encode()).decode()}",
            AGENT_CERTIFICATE,
            base64.b64encode(AGENT_CERTIFICATE.encode()).decode(),
            f"Authorization: Basic {base64.b64encode(b'me:hunter22').decode()}",
            "the end",
        ]
    )


def assert_hidden(on: World, stream: io.StringIO) -> None:
    """Look for pieces of every secret wherever something is kept or said."""
    key = "".join(on.hub.private_key.splitlines()[1:-1])
    encoded = base64.b64encode(on.hub.private_key.encode()).decode()
    pieces = [text[n : n + 24] for text in (key, encoded) for n in range(0, 1600, 24)]
    pieces = [piece for piece in pieces if len(piece) == 24]
    secret = on.hub.app.webhook_secret
    pieces += [secret, base64.b64encode(secret.encode()).decode()[4:-4]]
    for given in (AGENT_KEY, *AGENT_CERTIFICATE.splitlines()):
        pieces += [given, base64.b64encode(given.encode()).decode()[4:-8]]
    for token in on.hub.tokens:
        pieces += [token[4:20], base64.b64encode(token.encode()).decode()[4:-8]]
    places = {
        "log": stream.getvalue(),
        "database": "\n".join(map(str, everything_in_the_database(on))),
        "files": "\n".join(
            path.read_text(errors="replace")
            for path in (on.folder / "data" / "host").rglob("*")
            if path.is_file() and "mirrors" not in str(path)
        ),
        "threads": "\n".join(
            text
            for thread in on.repository.threads.values()
            for text in (thread.title, thread.body, *(c.body for c in _said_on(thread)))
        ),
    }
    assert len(places["log"]) > 100
    for place, text in places.items():
        assert [piece for piece in pieces if piece in text] == [], place


def _said_on(thread: Thread) -> Iterator[Comment | Review | ReviewComment]:
    yield from thread.comments
    if thread.pull is not None:
        yield from thread.pull.reviews
        yield from thread.pull.review_comments


def everything_in_the_database(on: World) -> Iterator[Any]:
    for (name,) in on.rows("SELECT name FROM sqlite_schema WHERE type = 'table'"):
        yield from on.rows(f'SELECT * FROM "{name}"')  # noqa: S608 - of the schema


@pytest.mark.parametrize("end", ["exit 1", "exit 75", "write a b"])
async def test_what_a_command_prints_is_redacted(
    on: World, stream: io.StringIO, end: str
):
    listen(on, stream)
    go, leak = on.folder / "go", on.folder / "leak.txt"
    on.issue(12, f"wait {go}\ncat {leak}\nresult {leak}\n{end}")
    async with on.bot():
        command = on.say("/batch 12 retries:0")
        await on.until(lambda: on.comments("tracking"))
        await on.until(lambda: on.rows("SELECT 1 FROM items WHERE state = 'running'"))
        leak.write_text(leaks(on))
        go.touch()
        await on.finished(command)
    leak.unlink()
    if end == "write a b":
        assert "token \\[redacted\\]" in on.pull_requests()[12].body
    else:
        assert "the end" in on.comment("report").body
        assert "[redacted]" in on.comment("report").body
    assert_hidden(on, stream)


async def test_what_a_command_says_of_a_pull_request_is_redacted(
    on: World, stream: io.StringIO
):
    on.settings_file["commands"]["review"] = [sys.executable, str(WORKER)]
    listen(on, stream)
    go, leak = on.folder / "go", on.folder / "leak.txt"
    on.pull_request(61, f"wait {go}\nresult {leak}")
    async with on.bot():
        command = on.say("/batch review 61 retries:0")
        await on.until(lambda: on.rows("SELECT 1 FROM items WHERE state = 'running'"))
        await on.until(lambda: on.hub.tokens)
        leak.write_text(leaks(on))
        go.touch()
        await on.finished(command)
    leak.unlink()
    (posted,) = pull_of(on.thread(61)).reviews
    assert "token \\[redacted\\]" in posted.body
    assert "the end" in posted.body
    assert_hidden(on, stream)


ECHOES = {
    "a token": lambda on, token: token,
    "parted by what nobody sees": lambda on, token: f"{token[:20]}\u200b{token[20:]}",
    "in base64": lambda on, token: base64.b64encode(f"x:{token}".encode()).decode(),
    "the secret": lambda on, token: on.hub.app.webhook_secret,
    "a line of the key": lambda on, token: on.hub.private_key.splitlines()[4],
}


@pytest.mark.parametrize("what", ECHOES)
async def test_an_error_of_github_that_echoes_a_secret_is_redacted(
    on: World, stream: io.StringIO, what: str
):
    listen(on, stream)
    on.issue(12)
    on.hub.add_label(REPOSITORY, "ready")
    async with on.bot():
        await on.answer("/batch help")
        token = next(iter(on.hub.tokens))
        message = f"no label for {ECHOES[what](on, token)}"
        on.hub.faults.add(
            Fault(status=422, message=message, path="/labels$", times=None)
        )
        await on.finished(on.say("/batch label +ready 12"))
    assert "no label for \\[redacted\\]" in on.comment("report").body
    assert "no label for [redacted]" in stream.getvalue()
    assert_hidden(on, stream)


FORGED = "x\x1b[31m\x07\r\n2026-03-03T15:00:00Z [info     ] batch finished\u202e\u2028"


@pytest.mark.parametrize("style", ["json", "pretty"])
async def test_no_text_of_others_forges_a_line_of_the_log(
    on: World, stream: io.StringIO, style: Any
):
    configure_logging(level="debug", style=style, stream=stream)
    leak = on.folder / "leak.txt"
    leak.write_text(FORGED + "\x9b2J\x00")
    on.issue(12, f"cat {leak}\nexit 1", title=FORGED)
    async with on.bot():
        on.say(f"/batch 12 {FORGED}")
        await on.until(lambda: on.comments("error"))
        await on.finished(on.say(f"{FORGED}\n\n/batch 12"))
    lines = stream.getvalue().split("\n")
    assert len(lines) > 20
    assert all(line.isprintable() for line in lines)
    own = [line for line in lines if line and not line.startswith("  ")]
    assert not any(line.startswith("2026-03-03") for line in own)
    for kind in ("tracking", "report"):
        said = on.comments(kind)[-1].body.split("\n")
        assert all(line.isprintable() or "\u2060" in line for line in said)
