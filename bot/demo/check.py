"""What the demo promises: a draft pull request for each issue, stacked as asked."""

from collections.abc import Iterator, Mapping

from bot.demo.stage import DemoFailed, Stage
from bot.localhub import pulls

BASES: Mapping[int, int | None] = {12: None, 15: None, 18: 12}
"""The items, and whose branch the pull request of each is stacked on."""


def check(on: Stage) -> Iterator[tuple[str, str, str, str]]:
    """Yield what was promised and is there: pull request, issue, branches, files.

    Raises ``DemoFailed`` for what is not.
    """
    repository = on.thread.repository
    opened = {
        int(thread.pull.head_ref.rpartition("/")[2]): thread
        for thread in repository.threads.values()
        if thread.pull and thread.pull.head_ref.startswith("batch/")
    }
    missing = [f"#{number}" for number in BASES if number not in opened]
    if missing or len(opened) > len(BASES):
        message = (
            f"there should be one pull request for each of {len(BASES)} issues, and"
            f" there are {len(opened)}; none for {', '.join(missing) or 'some others'}"
        )
        raise DemoFailed(message)
    for number, base in BASES.items():
        thread = opened[number]
        pull = pulls.pull_of(thread)
        wanted = "main" if base is None else pulls.pull_of(opened[base]).head_ref
        files = [file.path for file in pulls.changes(thread).files]
        problems = [
            "is no draft" if not pull.is_draft else "",
            f"has the base {pull.base_ref}, not {wanted}" * (pull.base_ref != wanted),
            f"does not close #{number}" * (f"Closes #{number}" not in thread.body),
            f"changes {files}" * (not _is_repair(files)),
        ]
        if any(problems):
            what = ", ".join(filter(None, problems))
            message = f"pull request {thread.number} {what}"
            raise DemoFailed(message)
        yield (
            f"✓ draft PR #{thread.number}",
            f"closes #{number}",
            f"{pull.head_ref} → {wanted}",
            ", ".join(files),
        )


def _is_repair(files: list[str]) -> bool:
    """Return whether code was changed, its changelog with it, and no test."""
    code = [f for f in files if f.endswith(".py") and not f.startswith("tests/")]
    return bool(code) and set(files) == {*code, "CHANGELOG.md"}
