"""Pull requests to be reviewed, as values."""

from typing import Any

from bot.core.model import ReviewRule, RuleLevel, RuleWhen
from bot.core.review.facts import Annotation, ChangedFile, ReviewFacts
from bot.core.world.pulls import BaseRules, ReviewDecision
from bot.core.world.questions import CheckState
from tests.core.actions.pulls import check, pull

MARK = "<!-- batch-bot:review b7k2-12 0123456789abcdef0123456789abcdef -->"


def patch(*rows: str, left: int = 1, right: int = 1) -> str:
    return "\n".join([f"@@ -{left},9 +{right},9 @@ def before():", *rows])


def changed(
    path: str, *rows: str, status: str = "modified", **facts: Any
) -> ChangedFile:
    """Return a file with a patch of these rows."""
    return ChangedFile(
        path,
        status,
        additions=sum(row.startswith("+") for row in rows),
        deletions=sum(row.startswith("-") for row in rows),
        patch=patch(*rows) if rows else None,
        **facts,
    )


QUIET = ReviewFacts(
    pull(checks=(check("ci", CheckState.PASSED),)),
    (
        changed("src/paths.py", " def join(a, b):", "-    pass", "+    return a + b"),
        changed("tests/test_paths.py", "+def test_join():", "+    assert join(1, 2)"),
    ),
)
RULES = (
    ReviewRule(
        "A migration is never changed once it was released: write a new one.",
        paths=("migrations/**",),
    ),
    ReviewRule("Use `log` instead.", ("**/*.py",), r"\bprint\(", level=RuleLevel.NOTE),
    ReviewRule("Say in the pull request who asked for it.", ("setup.cfg",)),
    ReviewRule("Assets go to the bucket.", ("*.png",), when=RuleWhen.ADDED),
)
BUSY = ReviewFacts(
    pull(
        review=ReviewDecision.REQUIRED,
        open_conversations=2,
        is_draft=True,
        rules=BaseRules(
            checks=("build", "lint", "license"),
            approvals=1,
            wants_code_owners=True,
            wants_conversations_resolved=True,
        ),
        checks=(
            check("build", CheckState.FAILED),
            check("lint", CheckState.PENDING),
            check("docs", CheckState.STOPPED, "cancelled", is_required=False),
            check("types", CheckState.PASSED, is_required=False),
        ),
    ),
    (
        changed(
            ".github/workflows/ci.yml", " on: push", "+permissions: write-all", "+jobs:"
        ),
        changed("src/paths.py", " def join(a, b):", "-    pass", "+    print(a, b)"),
        changed(
            "src/server.py", "+    print('up')", " ", "+    print('@ada [skip ci]')"
        ),
        changed("migrations/0004_labels.sql", "-ALTER TABLE a;", "+ALTER TABLE b;"),
        changed("tests/test_old.py", "-def test_old():", "-    pass", status="removed"),
        changed("package-lock.json", '+  "left-pad": "1.3.0"'),
        changed("static/logo.png", status="added"),
        changed("logo.png", status="added"),
        ChangedFile("data/table.csv", "modified", additions=90_000),
    ),
    annotations={
        "build": (
            Annotation("src/paths.py", 2, "undefined name `sep`, see #4"),
            Annotation("src/server.py", 1, "@mallory: <b>unused</b>\nimport"),
        )
    },
    has_conflicts=True,
    changed_on_both=("src/paths.py",),
)
