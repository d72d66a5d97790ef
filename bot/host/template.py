"""A repository's own template for pull requests, as GitHub looks for it.

https://docs.github.com/communities/using-templates-to-encourage-useful-issues-and-pull-requests/creating-a-pull-request-template-for-your-repository
"""

import re
import stat
from pathlib import Path

MOST_BYTES = 16_384
"""A longer one is left to people: a body takes 65,536 characters in all."""

_FOLDERS = (".github", ".", "docs")
_NAME = re.compile(r"pull_request_template(?:\.(?:md|markdown|txt))?", re.IGNORECASE)


def pull_request_template(repository: Path) -> str:
    """Return the template that is in the files of a repository; empty if none is.

    Of several in a folder ``PULL_REQUEST_TEMPLATE`` somebody has to choose one, and
    nobody does here. Links are not followed.
    """
    for folder in _FOLDERS:
        place = repository / folder
        if place.is_symlink() or not place.is_dir():
            continue
        for file in sorted(place.iterdir()):
            if _NAME.fullmatch(file.name) and (text := _text(file)):
                return text
    return ""


def _text(file: Path) -> str:
    status = file.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
        return ""
    return file.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n").strip()
