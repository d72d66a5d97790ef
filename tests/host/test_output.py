from pathlib import Path

import pytest

from bot.core.world.redaction import Secrets
from bot.host.output import HEAD_BYTES, TAIL_BYTES, CommandLog, Lines, Redactor, clean

TOKEN = "v1.0123456789abcdef"  # noqa: S105 - opens nothing


def said(log: CommandLog, *data: bytes) -> list[str]:
    """Return what is shown of a command's words, and close its log."""
    shown = []
    for piece in data:
        log.take(piece)
        shown += log.show(Secrets([TOKEN]))
    return shown + log.close(Secrets([TOKEN]))


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"one\ntwo\n"], ["one", "two"]),
        ([b"on", b"e\nt", b"wo"], ["one", "two"]),
        ([b"10%\r50%\r", b"100%\r\n"], ["10%", "50%", "100%"]),
        ([b"a\r", b"\nb\n"], ["a", "b"]),
        ([b"caf\xc3", b"\xa9\n"], ["café"]),
        ([b"\xff\xfe\n"], ["\ufffd\ufffd"]),
        ([b"\n\nend"], ["", "", "end"]),
        ([], []),
    ],
)
def test_bytes_become_lines_wherever_they_are_cut(chunks, lines):
    splitter = Lines()
    seen = [line for chunk in chunks for line in splitter.feed(chunk)]
    assert seen + splitter.feed(b"", is_last=True) == lines


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\x1b[1;31mfailed\x1b[0m", "failed"),
        ("\x1b]8;;https://evil.example\x07text\x1b]8;;\x07", "text"),
        ("\x1b]0;title\x1b\\after", "after"),
        ("a\x00b\x08c\x7f", "abc"),
        ("\u202eevil\u202c", "evil"),
        ("tab\there  ", "tab here"),
        ("\x9b31mred", "red"),
    ],
)
def test_a_line_is_shown_without_codes(line, shown):
    assert clean(line) == shown


@pytest.mark.parametrize(
    "secret",
    [
        "ghs_" + "a" * 36,
        "ghp_" + "B" * 36,
        "github_pat_11ABCDEFG0123456789_abcdefgh",
        "sk-ant-api03-0123456789abcdef",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxMjM0In0.c2lnbmF0dXJl",
        TOKEN,
    ],
)
def test_secrets_do_not_show(secret):
    line = Redactor().line(f"using {secret}, ok", Secrets([TOKEN]))
    assert line == "using [redacted], ok"


def test_a_password_in_an_address_and_a_header_do_not_show():
    words = Redactor()
    assert (
        words.line("https://me:hunter22@host/x", Secrets())
        == "https://[redacted]@host/x"
    )
    assert (
        words.line("Authorization: Bearer abc", Secrets())
        == "Authorization: [redacted]"
    )


def test_a_private_key_does_not_show_however_many_lines_it_has():
    words = Redactor()
    key = [
        "key: -----BEGIN RSA PRIVATE KEY-----",
        "MIIE",
        "-----END RSA PRIVATE KEY-----",
    ]
    shown = [words.line(line, Secrets()) for line in [*key, "after"]]
    assert shown == ["key: [redacted]", "[redacted]", "[redacted]", "after"]


def test_ordinary_words_stay():
    line = "ghost_town sk-1 eyJ.x commit 0123456789abcdef0123456789abcdef01234567"
    assert Redactor().line(line, Secrets(["abc"])) == line


def test_a_secret_at_the_cut_of_a_long_line_does_not_show(tmp_path: Path):
    log = CommandLog(tmp_path / "log")
    said(log, b"x" * 8_180 + TOKEN.encode() + b"y" * 500_000 + b"\nnext\n")
    text = (tmp_path / "log").read_text()
    assert TOKEN[:6] not in text
    first, second = text.splitlines()
    assert first.endswith("x …")
    assert second == "next"


@pytest.mark.parametrize("at_once", [1, 37, 5_000])
def test_a_log_keeps_its_beginning_and_its_end(tmp_path: Path, at_once: int):
    log = CommandLog(tmp_path / "log")
    lines = [f"line {number} {'.' * 60}\n".encode() for number in range(40_000)]
    for first in range(0, len(lines), at_once):
        log.take(b"".join(lines[first : first + at_once]))
    log.close(Secrets())
    kept = (tmp_path / "log").read_text().splitlines()
    assert kept[0].startswith("line 0 ")
    assert kept[-1].startswith("line 39999 ")
    (left_out,) = [line for line in kept if line.startswith("…")]
    count = int(left_out.split()[1].replace(",", ""))
    assert len(kept) - 1 + count == 40_000
    assert kept.index(left_out) == int(kept[kept.index(left_out) - 1].split()[1]) + 1
    size = (tmp_path / "log").stat().st_size
    assert size <= HEAD_BYTES + TAIL_BYTES + 100


def test_a_line_without_an_end_is_kept_at_both_ends(tmp_path: Path):
    log = CommandLog(tmp_path / "log")
    shown = said(log, b"begin", *[b"x" * 100_000] * 40, b"end")
    text = (tmp_path / "log").read_text()
    assert text.startswith("beginxxx")
    assert "the middle of a line left out" in text
    assert len(text) < 20_000
    assert all(len(line) <= 400 for line in shown)


def test_the_tail_has_the_last_lines_that_say_something(tmp_path: Path):
    log = CommandLog(tmp_path / "log")
    shown = said(log, b"one\n\n\x1b[2K\n" + b"z" * 1_000 + b"\nlast")
    assert shown == ["one", "z" * 399 + "…", "last"]
    assert log.tail == tuple(shown)


def test_of_a_flood_the_last_line_shows_and_its_end_is_the_tail(tmp_path: Path):
    log = CommandLog(tmp_path / "log")
    flood = b"".join(b"\x1b[32mline %d\x1b[0m\n" % n for n in range(200_000))
    log.take(flood)
    first = log.show(Secrets())
    assert (first[0], first[-1]) == ("line 0", f"line {len(first) - 1}")
    log.take(flood)
    assert log.show(Secrets()) == ["line 199999"]
    assert log.show(Secrets()) == []
    log.take(b"bye\n")
    log.close(Secrets())
    assert log.tail[-2:] == ("line 199999", "bye")


KEY = b"-----BEGIN PRIVATE KEY-----\n" + b"MIIE+secret\n" * 30_000


@pytest.mark.parametrize("before", [0, 100, 50_000])
@pytest.mark.parametrize("end", [b"", b"-----END PRIVATE KEY-----\n"])
@pytest.mark.parametrize("size", [64, 65_536, 10_000_000])
def test_a_key_of_which_the_middle_is_left_out_does_not_show(
    tmp_path: Path, before: int, end: bytes, size: int
):
    """It begins at the beginning or where nothing is kept, and is cut anywhere."""
    log = CommandLog(tmp_path / "log")
    flood = b"words\n" * before
    stream = flood + KEY * 3 + end + b"after\n"
    shown = said(log, *(stream[n : n + size] for n in range(0, len(stream), size)))
    kept = (tmp_path / "log").read_text()
    assert "secret" not in kept + "".join(shown)
    assert ("after" in kept) == bool(end)


def test_a_key_whose_first_line_is_half_left_out_does_not_show(tmp_path: Path):
    log = CommandLog(tmp_path / "log")
    log.take(b"words\n" * (HEAD_BYTES // 6 + 1))
    begin, body = b"-----BEGIN PRIVATE KEY-----\n", b"MIIE+secret\n"
    kept = begin[10:] + body * (TAIL_BYTES // len(body) - 2)
    end = b"-----END PRIVATE KEY-----\n" + b"." * TAIL_BYTES
    log.take(b"words\n" * 10 + begin[:10] + kept + end[: TAIL_BYTES - len(kept)])
    log.close(Secrets())
    text = (tmp_path / "log").read_text()
    assert "left out" in text
    assert "secret" not in text


def test_a_secret_of_a_flood_does_not_show(tmp_path: Path):
    log = CommandLog(tmp_path / "log")
    flood = f"token {TOKEN}\n".encode() * 100_000
    shown = said(log, flood, flood)
    assert set(shown) == {"token [redacted]"}
    assert TOKEN[:8] not in (tmp_path / "log").read_text()
