"""Where on a diff remarks stand: on lines that it shows, or nowhere.

GitHub takes a comment on several lines only if all of them are in one part of a patch.
https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.core.remarks import Edit, Remark, Side
from bot.core.review import diff
from bot.core.review.facts import ChangedFile


@dataclass(frozen=True, slots=True)
class Spot:
    """Lines of a diff that one comment is on; ``start_line`` is 0 for one line."""

    path: str
    line: int
    side: Side = Side.RIGHT
    start_line: int = 0
    start_side: Side = Side.RIGHT


@dataclass(frozen=True, slots=True)
class Placed:
    """A remark, where it stands (None: nowhere on the diff), what it would put there."""

    remark: Remark
    spot: Spot | None = None
    suggestion: str | None = None  # instead of exactly the lines of the spot
    is_all: bool = False  # whether the diff shows all the lines that are meant
    is_changed: bool = False  # whether one of them is part of the change


def place(remarks: Sequence[Remark], files: Sequence[ChangedFile]) -> list[Placed]:
    """Return where each remark stands, in their order."""
    known = _Rows(files)
    return [_placed(remark, known) for remark in remarks]


class _Rows:
    """The lines of patches, read once for each file that somebody speaks of."""

    def __init__(self, files: Sequence[ChangedFile]) -> None:
        self._files = {file.path: file for file in files}
        self._before = {f.previous_path: f for f in files if f.previous_path}
        self._rows: dict[str, list[diff.Line]] = {}

    def file(self, remark: Remark) -> ChangedFile | None:
        """Return the file that is meant; as it was, it may have had another name."""
        of_old = self._before if remark.side is Side.LEFT else {}
        return self._files.get(remark.path) or of_old.get(remark.path)

    def of(self, file: ChangedFile) -> list[diff.Line]:
        """Return the lines that its patch shows."""
        if file.path not in self._rows:
            self._rows[file.path] = list(diff.lines(file.patch or ""))
        return self._rows[file.path]


def _placed(remark: Remark, known: _Rows) -> Placed:
    file = known.file(remark)
    if file is None:
        return Placed(remark)
    rows = known.of(file)
    edited = _edited(remark.edits, rows) if remark.suggestion is None else None
    if edited is not None:
        shown, instead = edited
        spot = _spot(file.path, shown, Side.RIGHT)
        is_changed = _is_changed(shown)
        return Placed(remark, spot, instead, is_all=True, is_changed=is_changed)
    shown = _meant(remark, rows)
    if not shown:
        return Placed(remark)
    first = remark.start_line or remark.line
    is_all = len(shown) == remark.line - first + 1
    spot = _spot(file.path, shown, remark.side)
    may_suggest = is_all and remark.side is Side.RIGHT
    suggestion = remark.suggestion if may_suggest else None
    is_changed = _is_changed(shown)
    return Placed(remark, spot, suggestion, is_all=is_all, is_changed=is_changed)


def _meant(remark: Remark, rows: Sequence[diff.Line]) -> list[diff.Line]:
    """Return the lines that are meant, as far as one part of the patch shows them."""
    first, side = remark.start_line or remark.line, remark.side
    shown = [row for row in rows if first <= row.number(side) <= remark.line and first]
    if not shown:
        return []
    changed = [row.hunk for row in shown if row.is_added or row.is_removed]
    hunk = (changed or [shown[0].hunk])[0]
    return [row for row in shown if row.hunk == hunk]


def _spot(path: str, rows: Sequence[diff.Line], side: Side) -> Spot:
    first, last = rows[0], rows[-1]
    if first is last:
        at = _side(last, side)
        return Spot(path, last.number(at), at)
    ends, begins = _side(last, side), _side(first, side)
    return Spot(path, last.number(ends), ends, first.number(begins), begins)


def _side(row: diff.Line, wanted: Side) -> Side:
    """Return the side that a line is on: what did not change counts as it is now."""
    return Side.LEFT if wanted is Side.LEFT and row.is_removed else Side.RIGHT


def _is_changed(rows: Sequence[diff.Line]) -> bool:
    return any(row.is_added or row.is_removed for row in rows)


def _edited(
    edits: Sequence[Edit], rows: Sequence[diff.Line]
) -> tuple[list[diff.Line], str] | None:
    """Return the lines that edits touch, and what becomes of them; None if that cannot
    be told from the diff.
    """
    if not edits:
        return None
    first = min(edit.start_line for edit in edits)
    last = max(_last_line(edit) for edit in edits)
    now = [row for row in rows if first <= row.right <= last]
    is_whole = len(now) == last - first + 1 and len({row.hunk for row in now}) == 1
    # How a tool counts columns differs as soon as there is more than ASCII.
    if not is_whole or not all(row.text.isascii() for row in now):
        return None
    text = "".join(f"{row.text}\n" for row in now)
    starts = dict(_starts(now))
    starts[last + 1] = len(text)
    changed, end_before = text, len(text) + 1
    for edit in sorted(edits, key=lambda e: (e.start_line, e.start_column))[::-1]:
        start = _offset(starts, text, edit.start_line, edit.start_column)
        end = _offset(starts, text, edit.end_line, edit.end_column)
        if start is None or end is None or not start <= end <= end_before:
            return None
        changed = changed[:start] + edit.text + changed[end:]
        end_before = start
    if changed == text or (changed and not changed.endswith("\n")):
        return None
    return now, changed.removesuffix("\n")


def _last_line(edit: Edit) -> int:
    ends_before = edit.end_column == 1 and edit.end_line > edit.start_line
    return edit.end_line - 1 if ends_before else edit.end_line


def _starts(rows: Sequence[diff.Line]) -> Iterator[tuple[int, int]]:
    at = 0
    for row in rows:
        yield row.right, at
        at += len(row.text) + 1


def _offset(starts: Mapping[int, int], text: str, line: int, column: int) -> int | None:
    if line not in starts or column < 1:
        return None
    at = starts[line] + column - 1
    end = starts.get(line + 1, len(text))
    return at if at <= end else None
