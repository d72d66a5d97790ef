"""Command lines with a caret under every fault, as plain text for a fence."""

import unicodedata
from collections.abc import Iterator, Sequence

from bot.core.command.faults import Fault, FaultyLine
from bot.core.world.markdown import cut

_WIDTH = 96
"""Code points of a line that are shown; a longer one is shown around its faults."""

_BEFORE = 32
_MOST_FAULTS = 12
_MESSAGE_WIDTH = 200


def point_out(lines: Sequence[FaultyLine]) -> tuple[str, Sequence[str]]:
    """Return each line with carets below its faults, and what is wrong, each thing once.

    The carets are numbered as the messages are, unless there is one message only. On a
    phone a message in the block would be out of sight.
    """
    messages: list[str] = []
    for line in lines:
        for fault in _in_order(line)[:_MOST_FAULTS]:
            if (message := _message(fault)) not in messages:
                messages.append(message)
    blocks = [row for line in lines for row in (*_point_out(line, messages), "")]
    return "\n".join(blocks).strip("\n"), messages


def _in_order(line: FaultyLine) -> Sequence[Fault]:
    return sorted(line.faults, key=lambda fault: fault.column)


def _point_out(line: FaultyLine, messages: Sequence[str]) -> Iterator[str]:
    text = "".join(map(_printable, line.line))
    faults = _in_order(line)
    shown, hidden = faults[:_MOST_FAULTS], faults[_MOST_FAULTS:]
    while shown:
        start = _window_start(text, shown[0])
        end = min(len(text), start + _WIDTH)
        here = [fault for fault in shown if fault.column <= end]
        shown = shown[len(here) :]
        lead = "… " if start else ""
        yield lead + text[start:end] + (" …" if end < len(text) else "")
        for fault in here:
            before = _cells(lead + text[start : fault.column])
            marked = text[fault.column : min(end, fault.column + fault.length)]
            number = messages.index(_message(fault)) + 1
            carets = "^" * max(1, _cells(marked))
            yield f"{' ' * before}{carets} {number if len(messages) > 1 else ''}".rstrip()
    if not faults:
        yield cut(text, _WIDTH)
    if hidden:
        yield f"… and {len(hidden)} more"


def _message(fault: Fault) -> str:
    plain = " ".join("".join(map(_printable, fault.message)).split())
    return cut(plain, _MESSAGE_WIDTH)


def _window_start(text: str, fault: Fault) -> int:
    if len(text) <= _WIDTH:
        return 0
    return max(0, min(fault.column - _BEFORE, len(text) - _WIDTH))


def _printable(character: str) -> str:
    """Return one character for one, so that columns stay: a space, or a visible one."""
    if character.isspace():
        return " "
    is_hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs")
    return "\ufffd" if is_hidden else character


def _cells(text: str) -> int:
    """Return how many columns of a fixed-width font a text takes."""
    return sum(
        0
        if unicodedata.combining(one)
        else 1 + (unicodedata.east_asian_width(one) in "WF")
        for one in text
    )
