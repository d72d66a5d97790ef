"""What a command prints, made fit to be shown: whole lines, no codes, no secrets."""

import codecs
import io
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from bot.core.say import notes
from bot.core.world.redaction import REDACTED, Secrets

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
_INVISIBLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\ud800-\udfff"  # control characters, halves of a pair
    r"\u202a-\u202e\u2066-\u2069]"  # and what turns the direction of a text
)
_KEY_WORD = re.compile(b"PRIVATE KEY")  # twice as quick as ``in``
_KEY_MARK = re.compile(rb"-----(BEGIN|END) [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----")
_SEAM_BYTES = 100  # in which a mark may be cut
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----")
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----")


class Redactor:
    """Takes secrets out of lines: known ones, and what looks like one.

    It remembers whether a private key, which takes several lines, has begun: use one
    for each stream of lines.
    """

    def __init__(self, *, is_in_key: bool = False) -> None:
        self._is_in_key = is_in_key

    def line(self, text: str, secrets: Secrets) -> str:
        """Return the line as it may be shown and kept."""
        if self._is_in_key:
            self._is_in_key = not _KEY_ENDS.search(text)
            return REDACTED
        if begin := _KEY_BEGINS.search(text):
            self._is_in_key = not _KEY_ENDS.search(text, begin.end())
            return text[: begin.start()] + REDACTED
        return secrets.hide(text)


@dataclass(frozen=True, slots=True)
class _KeyWatch:
    """Knows whether a stream of bytes is inside a private key at one place."""

    is_inside: bool = False
    _seam: bytes = b""

    def after(self, data: bytes) -> "_KeyWatch":
        """Return what is known behind *data*."""
        is_inside = self.is_inside
        seam = self._seam + data[:_SEAM_BYTES]
        if _KEY_WORD.search(data) or _KEY_WORD.search(seam):
            for mark in _KEY_MARK.finditer(self._seam + data):
                is_inside = mark[1] == b"BEGIN"
        seam = data if len(data) >= _SEAM_BYTES else self._seam + data
        return _KeyWatch(is_inside, seam[-_SEAM_BYTES:])


def clean(line: str) -> str:
    """Return a line without colours, control and text-direction characters."""
    if line.isascii() and line.isprintable():
        return line.rstrip()  # as most lines are; a flood of them must not cost much
    return _INVISIBLE.sub("", _ANSI.sub("", line).expandtabs(4)).rstrip()


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

    ``take`` costs next to nothing, however much it is given: bytes become lines, clean
    and redacted, when they are shown or kept, and what is neither never does. ``show``
    and ``close`` take their time and may run on another thread.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", errors="replace")
        self._one_reader = Lock()
        self._exchange = Lock()  # of what follows, as it is
        self._fresh: list[bytes] = []  # of the beginning
        self._head_left = HEAD_BYTES
        self._is_between_lines = False
        self._late: deque[tuple[_KeyWatch, bytes]] = deque()  # what is before, a piece
        self._late_bytes = 0
        self._lines_left_out = 0
        self._bytes_left_out = 0
        self._is_late_new = False
        self._key = _KeyWatch()  # behind all that came
        self._lines, self._redactor = Lines(), Redactor()
        self._recent: deque[str] = deque(maxlen=TAIL_LINES)

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines that are not empty, cut to a readable length; once closed."""
        return tuple(self._recent)

    def take(self, data: bytes) -> None:
        """Keep *data*, raw."""
        with self._exchange:
            if self._head_left:
                data = self._begin(data)
            if data:
                self._late.append((self._key, data))
                self._key = self._key.after(data)
                self._late_bytes += len(data)
                self._is_late_new = True
                # By whole pieces: what is too much of the last one waits for the end.
                while self._late_bytes - len(self._late[0][1]) >= TAIL_BYTES:
                    self._leave_out(self._late.popleft()[1])

    def show(self, secrets: Secrets) -> list[str]:
        """Return what is new as it may be shown; of a flood, its last line.

        What belongs to the beginning of the log is in its file then.
        """
        with self._one_reader:
            with self._exchange:
                fresh, self._fresh = b"".join(self._fresh), []
                latest = b""
                if self._is_late_new and not self._key.is_inside:
                    latest = self._late[-1][1][-2 * LINE_LENGTH :]
                self._is_late_new = False
            shown = self._keep(self._lines.feed(fresh), secrets)
            self._file.flush()
            return shown or _last_line(latest, secrets)

    def close(self, secrets: Secrets) -> list[str]:
        """Write the end of the log and close its file; return lines not shown yet."""
        with self._one_reader, self._exchange:
            fresh, late = b"".join(self._fresh), b"".join(d for _, d in self._late)
            key = self._late[0][0] if self._late else self._key
            if len(late) > TAIL_BYTES:
                self._leave_out(late[:-TAIL_BYTES])
                key, late = key.after(late[:-TAIL_BYTES]), late[-TAIL_BYTES:]
            shown = self._keep(self._lines.feed(fresh), secrets)
            if self._bytes_left_out:
                self._keep(self._lines.feed(b"", is_last=True), secrets)
                partial, newline, rest = late.partition(b"\n")
                late = rest if newline else partial
                key = key.after(partial + newline) if newline else key
                left_out = self._lines_left_out + len(newline)
                self._file.write(f"{notes.left_out(left_out)}\n")
                self._redactor = Redactor(is_in_key=key.is_inside)
            shown += self._keep(self._lines.feed(late, is_last=True), secrets)
            self._file.close()
            return shown[-TAIL_LINES:] if self._bytes_left_out else shown

    def _begin(self, data: bytes) -> bytes:
        """Take what still belongs to the beginning, by whole lines; return the rest."""
        whole = data.rfind(b"\n", 0, self._head_left) + 1
        is_all = len(data) <= self._head_left
        may_begin = 0 if self._is_between_lines else self._head_left
        first = data if is_all else data[: whole or may_begin]
        self._is_between_lines = first.endswith(b"\n")
        self._head_left = self._head_left - len(first) if is_all else 0
        self._fresh.append(first)
        self._key = self._key.after(first)
        return data[len(first) :]

    def _leave_out(self, dropped: bytes) -> None:
        self._late_bytes -= len(dropped)
        self._bytes_left_out += len(dropped)
        # Three times as quick as to count them.
        self._lines_left_out += len(dropped) - len(dropped.replace(b"\n", b""))

    def _keep(self, lines: Iterable[str], secrets: Secrets) -> list[str]:
        """Write lines as they may be kept; return them as they may be shown."""
        shown = []
        for raw in lines:
            line = _fit(raw, self._redactor, secrets)
            self._file.write(line + "\n")
            if line:
                shown.append(_short(line))
        self._recent.extend(shown)
        return shown


def _fit(raw: str, redactor: Redactor, secrets: Secrets) -> str:
    is_cut = len(raw) > LINE_LENGTH and raw.endswith(_CUT)
    line = redactor.line(clean(raw), secrets)
    return line[:-_EDGE] + " …" if is_cut else line


def _short(line: str) -> str:
    is_long = len(line) > TAIL_LINE_LENGTH
    return line[: TAIL_LINE_LENGTH - 1] + "…" if is_long else line


def _last_line(data: bytes, secrets: Secrets) -> list[str]:
    """Return the last whole line of a piece of output; none if a key may be in it."""
    before, newline, _ = data.rpartition(b"\n")
    if not newline or b"\n" not in before or _KEY_WORD.search(data):
        return []
    lines = Lines().feed(before.rpartition(b"\n")[2] + newline)
    shown = [_short(_fit(line, Redactor(), secrets)) for line in lines]
    return [line for line in shown if line][-1:]
