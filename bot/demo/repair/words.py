"""What is said about a repair: its title, its summary, a line in the changelog."""

from pathlib import Path

from bot.demo.repair.search import Candidate


def sentence(test: str) -> str:
    """Return a test's name as a sentence: the best title its authors have given."""
    words = test.rpartition(".")[2].removeprefix("test_").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def summary_of(candidate: Candidate, failing: list[str], others: int) -> str:
    """Return the summary of a repair, in Markdown."""
    tests = " and ".join(f"`{test}`" for test in failing)
    verb = "passes" if len(failing) == 1 else "pass"
    return (
        f"{candidate}. {tests} {verb} now, and so do the {others} tests that"
        " passed before."
    )


def nothing_to_do(wanted: list[str]) -> tuple[str, str]:
    """Return title and summary when the tests pass already."""
    tests = " and ".join(f"`{test}`" for test in wanted)
    return "Nothing to do", f"Nothing to do: {tests} passes already."


def add_to_changelog(root: Path, path: Path, line: str) -> None:
    """Add a line to CHANGELOG.md, if there is one, beneath the module's heading.

    Changes of different modules then stand apart, and merge without a conflict.
    """
    changelog = root / "CHANGELOG.md"
    if not changelog.is_file():
        return
    lines = changelog.read_text(encoding="utf-8").split("\n")
    lines.insert(_place_in_changelog(lines, path.stem), f"- {line}")
    changelog.write_text("\n".join(lines), encoding="utf-8")


def _place_in_changelog(lines: list[str], module: str) -> int:
    """Return the index behind the last entry of the fitting section."""
    headings = [n for n, line in enumerate(lines) if line.startswith("#")]
    releases = [n for n in headings if lines[n].startswith("## ")]
    start = releases[0] if releases else 0
    end = releases[1] if len(releases) > 1 else len(lines)
    for heading in (n for n in headings if start < n < end):
        words = lines[heading].lstrip("# ").lower()
        if words.startswith(module.lower()) or module.lower().startswith(words):
            start = heading
            end = min([n for n in headings if n > heading], default=end)
            break
    entries = [n for n in range(start, end) if lines[n].startswith(("- ", "  "))]
    return entries[-1] + 1 if entries else min(start + 2, len(lines))
