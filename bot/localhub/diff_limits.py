"""How much of a diff GitHub tells.

https://docs.github.com/en/repositories/creating-and-managing-repositories/repository-limits
https://docs.github.com/rest/pulls/pulls#list-pull-requests-files
"""

from collections.abc import Sequence
from dataclasses import replace

from bot.localhub.git import ChangedFile

MOST_FILES = 3_000
"""Files of a pull request that are listed, on all pages."""

MOST_COMPARED = 300
"""Files of two revisions that are compared."""

MOST_LINES = 20_000
MOST_BYTES = 1_000_000
"""Of the patches in one answer; the files after that have neither lines nor counts."""

MOST_FILE_BYTES = 500_000
"""Of the patch of one file, which has as many lines as an answer; else only counts."""


def as_told(files: Sequence[ChangedFile]) -> list[ChangedFile]:
    """Return the files of one answer as GitHub tells them."""
    told, lines, size = [], 0, 0
    for file in files:
        if lines >= MOST_LINES or size >= MOST_BYTES:
            told.append(replace(file, additions=0, deletions=0, patch=None))
            continue
        patch = file.patch or ""
        own_lines, own_size = patch.count("\n") + bool(patch), len(patch.encode())
        if own_lines > MOST_LINES or own_size > MOST_FILE_BYTES:
            told.append(replace(file, patch=None))
            continue
        lines, size = lines + own_lines, size + own_size
        told.append(file)
    return told
