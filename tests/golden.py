"""Comparison of rendered Markdown with the files that were reviewed.

``UPDATE_GOLDEN=1 pytest`` writes them anew; the difference is reviewed like code.
"""

import os
from pathlib import Path

RENDERED = Path(__file__).parent.parent / "fixtures" / "rendered"


def assert_golden(name: str, body: str) -> None:
    """Fail unless *body* is what ``fixtures/rendered/<name>.md`` holds."""
    path = RENDERED / f"{name}.md"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body + "\n", encoding="utf-8")
    assert path.is_file(), f"{path.name} is missing; run with UPDATE_GOLDEN=1"
    assert body + "\n" == path.read_text(encoding="utf-8")
