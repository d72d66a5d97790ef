"""``python -m tests.bench [NAME …]``: run the benchmarks and compare with the release.

The figures go to a file, with the machine. One that is worse by more than a tenth than in
``released.json`` is shown and makes the exit code 1: mend it, or say why in the CHANGELOG.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from tests.bench.figures import FILE, Figure, compared, fallen, read

HERE = Path(__file__).parent
RELEASED = HERE / "released.json"
NAMES = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def measured(name: str, folder: Path) -> list[Figure]:
    """Run a benchmark in a process of its own; return its figures."""
    sys.stdout.write(f"--- {name}\n")
    sys.stdout.flush()
    file = folder / name
    subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", f"tests.bench.bench_{name}"],
        env={**os.environ, FILE: str(file)},
        check=True,
    )
    return read(file)


def written(figures: list[Figure], path: Path) -> None:
    """Write figures to a file, with what they were measured on."""
    document = {
        "version": version("batch-bot"),
        "machine": {
            "processors": len(os.sched_getaffinity(0)),
            "system": platform.platform(),
            "python": platform.python_version(),
            "load": round(os.getloadavg()[2], 1),  # what else it did meanwhile
        },
        "figures": [asdict(figure) for figure in figures],
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def released() -> dict[str, float]:
    """Return the ratios of the last release."""
    if not RELEASED.exists():
        return {}
    document = json.loads(RELEASED.read_text())
    return {figure["what"]: figure["ratio"] for figure in document["figures"]}


def main() -> int:
    """Run, write and compare; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--to", type=Path, default=Path("bench.json"))
    parser.add_argument(
        "--write-released",
        action="store_true",
        help="keep the figures of this run as those of the release",
    )
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    if options.write_released and options.names:
        parser.error("the figures of a release are those of all benchmarks")
    with tempfile.TemporaryDirectory() as folder:
        figures = [
            figure
            for name in options.names or NAMES
            for figure in measured(name, Path(folder))
        ]
    written(figures, options.to)
    before = released()
    sys.stdout.write(
        "\n".join([f"--- written to {options.to}", *compared(figures, before)])
    )
    sys.stdout.write("\n")
    if options.write_released:
        written(figures, RELEASED)
        return 0
    return 1 if fallen(figures, before) else 0


if __name__ == "__main__":
    sys.exit(main())
