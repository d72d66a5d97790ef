"""What is said of ``.github/batch.yml``: faults, the verdict, and the tables of its keys."""

import re
from collections.abc import Sequence

from bot.core.effects import CheckAnnotation, CheckReport
from bot.core.plan.configuration import PATH
from bot.core.plan.keys import rows
from bot.core.world.markdown import (
    code_span,
    escape_prose,
    paragraphs,
    plural,
    table,
)
from bot.errors import ConfigurationFault

_MOST = 20


def refused(faults: Sequence[ConfigurationFault]) -> str:
    """Why a command is not carried out: the configuration does not fit."""
    first = f"{code_span(PATH)} on the default branch does not fit, so nothing started:"
    return paragraphs(first, listed(faults))


def listed(faults: Sequence[ConfigurationFault]) -> str:
    """Return what is wrong as a list, with where."""
    lines = [f"- {_line(fault)}" for fault in faults[:_MOST]]
    if len(faults) > _MOST:
        lines.append(f"- and {len(faults) - _MOST} more")
    return "\n".join(lines)


def _line(fault: ConfigurationFault) -> str:
    elsewhere = "" if fault.file == PATH else f"{code_span(fault.file)}, "
    where = f"line {fault.line}, column {fault.column}: " if fault.line else ""
    key = f"{code_span(fault.key)}: " if fault.key else ""
    example = f" For example {code_span(fault.example)}." if fault.example else ""
    end = "" if fault.says.endswith("?") else "."
    return f"{elsewhere}{where}{key}{escape_prose(fault.says)}{end}{example}"


def verdict(
    faults: Sequence[ConfigurationFault], *, follows: bool, besides: str = ""
) -> CheckReport:
    """Return what the check run of a pushed file says, and *besides* of one that fits."""
    alone = "" if follows else "What it extends is not looked at for a fork."
    if not faults:
        return CheckReport(
            "It fits", paragraphs("The file fits.", alone, besides), "success"
        )
    title = plural(len(faults), "problem")
    first = "While the default branch has such a file, no command starts anything:"
    return CheckReport(title, paragraphs(first, listed(faults), alone), "failure")


def gone() -> CheckReport:
    """Return what the check run says where the file is taken away."""
    said = (
        f"{code_span(PATH)} is taken away. The defaults hold from then on, or the file of"
        " this name in the owner's repository `.github` if there is one."
    )
    return CheckReport("The file is taken away", said, "success")


def annotations(faults: Sequence[ConfigurationFault]) -> tuple[CheckAnnotation, ...]:
    """Return what is wrong with the repository's own file, at its lines."""
    return tuple(
        CheckAnnotation(
            path=PATH,
            start_line=fault.line or 1,
            end_line=fault.line or 1,
            message=fault.words,
            level="failure",
        )
        for fault in faults
        if fault.file == PATH
    )


def fits(file: str, *, extends: bool) -> str:
    """Tell an operator that a file fits."""
    more = " What it extends was not looked at." if extends else ""
    return f"{file} fits.{more}"


def does_not_fit(faults: int) -> str:
    """Tell an operator how much is wrong with a file."""
    return f"{plural(faults, 'problem')}. With such a file on the default branch nothing starts."


def keys() -> str:
    """Return the table of all keys, for the documentation."""
    return table(
        ("Key", "What it is for", "Takes", "Example"),
        "llll",
        (
            (code_span(name), key.says, _plain(key.takes.form), code_span(key.example))
            for name, key in rows()
        ),
    )


def _plain(words: str) -> str:
    """Return words of our own in which no mark of Markdown means anything."""
    return re.sub(r"[*_|]", r"\\\g<0>", words)
