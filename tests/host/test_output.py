from pathlib import Path

import pytest

from bot.host.output import HEAD_BYTES, TAIL_BYTES, CommandLog, Lines, Redactor, clean

TOKEN = "v1.0123456789abcdef"  # noqa: S105 - opens nothing


def redactor(*secrets: str) -> Redactor:
    return Redactor(lambda: secrets)


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
    line = redactor(TOKEN).line(f"using {secret}, ok")
    assert line == "using [redacted], ok"


def test_a_password_in_an_address_and_a_header_do_not_show():
    words = redactor()
    assert words.line("https://me:hunter22@host/x") == "https://[redacted]@host/x"
    assert words.line("Authorization: Bearer abc") == "Authorization: [redacted]"


def test_a_private_key_does_not_show_however_many_lines_it_has():
    words = redactor()
    key = [
        "key: -----BEGIN RSA PRIVATE KEY-----",
        "MIIE",
        "-----END RSA PRIVATE KEY-----",
    ]
    shown = [words.line(line) for line in [*key, "after"]]
    assert shown == ["key: [redacted]", "[redacted]", "[redacted]", "after"]


def test_ordinary_words_stay():
    line = "ghost_town sk-1 eyJ.x commit 0123456789abcdef0123456789abcdef01234567"
    assert redactor("abc").line(line) == line


def test_a_secret_at_the_cut_of_a_long_line_does_not_show(tmp_path: Path):
    log = CommandLog(tmp_path / "log", redactor(TOKEN))
    log.feed(b"x" * 8_180 + TOKEN.encode() + b"y" * 500_000 + b"\nnext\n")
    log.close()
    text = (tmp_path / "log").read_text()
    assert TOKEN[:6] not in text
    first, second = text.splitlines()
    assert first.endswith("x …")
    assert second == "next"


def test_a_log_keeps_its_beginning_and_its_end(tmp_path: Path):
    log = CommandLog(tmp_path / "log", redactor())
    for number in range(40_000):
        log.feed(f"line {number} {'.' * 60}\n".encode())
    log.close()
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[0].startswith("line 0 ")
    assert lines[-1].startswith("line 39999 ")
    (left_out,) = [line for line in lines if line.startswith("…")]
    count = int(left_out.split()[1].replace(",", ""))
    assert len(lines) - 1 + count == 40_000
    size = (tmp_path / "log").stat().st_size
    assert size <= HEAD_BYTES + TAIL_BYTES + 100


def test_the_tail_has_the_last_lines_that_say_something(tmp_path: Path):
    log = CommandLog(tmp_path / "log", redactor())
    shown = log.feed(b"one\n\n\x1b[2K\n" + b"z" * 1_000 + b"\nlast")
    shown += log.feed(b"", is_last=True)
    log.close()
    assert shown == ["one", "z" * 399 + "…", "last"]
    assert log.tail == tuple(shown)
