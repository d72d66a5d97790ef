"""What a command prints, made fit to be shown: whole lines, no codes, no secrets."""

import codecs
import io
import re
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from bot.core.world.redaction import REDACTED, hide

LINE_LENGTH = 8_192
"""Characters of a line that are looked at; the rest of it is left out."""

_EDGE = 512
"""Characters dropped before a cut, so that no secret shows its first half there."""

_CUT = "\x00"
"""Ends a line of which the rest was left out; ``clean`` takes it away."""

HEAD_BYTES = 256 * 1024
TAIL_BYTES = 768 * 1024
"""What a log keeps of its beginning and of its end: 1 MiB together."""

TAIL_LINES = 30
TAIL_LINE_LENGTH = 400

_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours and cursor movements
    r"|\x1b[\]PX^_].*?(?:\x1b\\|\x07|$)"  # titles and links
    r"|\x1b[ -/]*[0-~]?"
)
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----")
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----")


class Redactor:
    """Takes secrets out of lines: known ones, and what looks like one.

    It remembers whether a private key, which takes several lines, has begun: use one
    for each stream of lines. *secrets* is asked at each line, as tokens change.
    """

    def __init__(self, secrets: Callable[[], Iterable[str]]) -> None:
        self._secrets = secrets
        self._is_in_key = False

    def line(self, text: str) -> str:
        """Return the line as it may be shown and kept."""
        if self._is_in_key:
            self._is_in_key = not _KEY_ENDS.search(text)
            return REDACTED
        if begin := _KEY_BEGINS.search(text):
            self._is_in_key = not _KEY_ENDS.search(text, begin.end())
            return text[: begin.start()] + REDACTED
        return hide(text, self._secrets())


def clean(line: str) -> str:
    """Return a line without colours, control and text-direction characters."""
    if line.isascii() and line.isprintable():
        return line.rstrip()  # as most lines are; a flood of them must not cost much
    return "".join(
        character
        for character in _ANSI.sub("", line).expandtabs(4)
        if unicodedata.category(character) not in ("Cc", "Cs")
        and not "\u202a" <= character <= "\u202e"
        and not "\u2066" <= character <= "\u2069"
    ).rstrip()


class Lines:
    """Cuts a stream of bytes into lines; invalid UTF-8 is replaced.

    A carriage return ends a line too, so that progress bars come as lines.
    """

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self._pending = ""
        self._length = 0

    def feed(self, data: bytes, *, is_last: bool = False) -> list[str]:
        """Return the lines that *data* completes."""
        *ended, rest = self._decoder.decode(data, final=is_last).split("\n")
        lines = []
        for text in ended:
            self._append(text)
            lines.append(self._take())
        self._append(rest)
        if is_last and self._length:
            lines.append(self._take())
        return lines

    def _append(self, text: str) -> None:
        self._length += len(text)
        self._pending += text[: LINE_LENGTH - len(self._pending)]

    def _take(self) -> str:
        is_cut = self._length > LINE_LENGTH
        line = self._pending
        self._pending, self._length = "", 0
        return line + _CUT * is_cut


class CommandLog:
    """Keeps what a command prints in a file: its beginning, as it comes, and its end.

    The last lines stay at hand in ``tail``.
    """

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self._redactor = redactor
        self._lines = Lines()
        self._file = path.open("w", encoding="utf-8", errors="replace")
        self._head_left = HEAD_BYTES
        self._late: deque[str] = deque()
        self._late_bytes = 0
        self._left_out = 0
        self._recent: deque[str] = deque(maxlen=TAIL_LINES)

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines that are not empty, cut to a readable length."""
        return tuple(self._recent)

    def feed(self, data: bytes, *, is_last: bool = False) -> list[str]:
        """Keep *data*; return the lines it completes as they may be shown."""
        lines = self._lines.feed(data, is_last=is_last)
        shown = [self._keep(line) for line in lines]
        return [line for line in shown if line]

    def close(self) -> None:
        """Write the end of the log and close its file."""
        if self._left_out:
            self._file.write(f"… {self._left_out:,} lines left out …\n")
        self._file.writelines(self._late)
        self._file.close()

    def _keep(self, raw: str) -> str:
        is_cut = len(raw) > LINE_LENGTH and raw.endswith(_CUT)
        line = self._redactor.line(clean(raw))
        if is_cut:
            line = line[:-_EDGE] + " …"
        self._store(line + "\n")
        if line:
            is_long = len(line) > TAIL_LINE_LENGTH
            short = line[: TAIL_LINE_LENGTH - 1] + "…" if is_long else line
            self._recent.append(short)
            return short
        return ""

    def _store(self, line: str) -> None:
        size = len(line.encode("utf-8", "replace"))
        if size <= self._head_left:
            self._head_left -= size
            self._file.write(line)
            self._file.flush()
            return
        self._head_left = 0
        self._late.append(line)
        self._late_bytes += size
        while self._late_bytes > TAIL_BYTES:
            dropped = self._late.popleft()
            self._late_bytes -= len(dropped.encode("utf-8", "replace"))
            self._left_out += 1
