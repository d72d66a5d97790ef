"""What the benchmarks say: ratios to a baseline of the same run.

Another machine has other rates; what stays is how a rate compares with that of something
bare which ran beside it.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

FILE = "BENCH_FIGURES"
"""The variable that names the file to which a benchmark adds its figures."""

FALL = 0.1
"""How much worse than at the last release is worth a word in the CHANGELOG."""


@dataclass(frozen=True, slots=True)
class Figure:
    """*ratio* of *what* to *baseline*. ``note`` has what this machine made of it."""

    what: str
    ratio: float
    baseline: str
    better: Literal["higher", "lower"]
    note: str = ""

    def fall(self, before: float) -> float:
        """Return by which part this is worse than *before*; below 0 it is better."""
        if self.better == "higher":
            return before / self.ratio - 1
        return self.ratio / before - 1


def report(figures: Iterable[Figure]) -> None:
    """Print figures, and add them to the file that the environment names, if any."""
    path = os.environ.get(FILE)
    for figure in figures:
        note = f" ({figure.note})" if figure.note else ""
        sys.stdout.write(
            f"{figure.what}: {figure.ratio:.4g} times {figure.baseline}{note}\n"
        )
        if path:
            with Path(path).open("a") as file:
                file.write(json.dumps(asdict(figure)) + "\n")
    sys.stdout.flush()


def read(path: Path) -> list[Figure]:
    """Return what benchmarks have added to a file."""
    if not path.exists():
        return []
    return [Figure(**json.loads(line)) for line in path.read_text().splitlines()]


def compared(figures: Sequence[Figure], released: Mapping[str, float]) -> list[str]:
    """Return a line for each figure: how it stands beside that of the last release."""
    lines = []
    for figure in figures:
        before = released.get(figure.what)
        line = f"{figure.what}: {figure.ratio:.4g}"
        if before is None:
            lines.append(f"{line}, new since the release")
            continue
        line += f", {before:.4g} at the release"
        fell = figure.fall(before)
        lines.append(f"{line}: WORSE by {fell:.0%}" if fell > FALL else line)
    return lines


def fallen(figures: Sequence[Figure], released: Mapping[str, float]) -> list[Figure]:
    """Return those that are worse by more than a tenth."""
    return [
        figure
        for figure in figures
        if figure.what in released and figure.fall(released[figure.what]) > FALL
    ]
