import pytest

from bot.core.review.kinds import Kind, kind_of


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("src/app.py", Kind.CODE),
        ("Makefile", Kind.CODE),
        ("src/latest/app.ts", Kind.CODE),
        ("src/contest.go", Kind.CODE),
        ("tests/data/x.json", Kind.TESTS),
        ("pkg/server_test.go", Kind.TESTS),
        ("web/button.test.tsx", Kind.TESTS),
        ("src/PathsTest.java", Kind.TESTS),
        ("app/conftest.py", Kind.TESTS),
        ("docs/guide.html", Kind.DOCS),
        ("README.md", Kind.DOCS),
        ("notes.txt", Kind.DOCS),
        ("requirements.txt", Kind.SETTINGS),
        ("deploy/requirements-dev.txt", Kind.SETTINGS),
        ("requirements/base.txt", Kind.SETTINGS),
        ("app/requirements-dev/lint/extra.txt", Kind.SETTINGS),
        ("constraints/py311.txt", Kind.SETTINGS),
        ("requirements/README.md", Kind.DOCS),
        ("notes/requirement.txt", Kind.DOCS),
        ("src/CMakeLists.txt", Kind.CODE),
        ("pyproject.toml", Kind.SETTINGS),
        (".github/workflows/ci.yml", Kind.RIGHTS),
        (".github/CODEOWNERS", Kind.RIGHTS),
        ("docs/CODEOWNERS", Kind.RIGHTS),
        ("src/CODEOWNERS", Kind.OTHER),
        ("web/package-lock.json", Kind.LOCKS),
        ("vendor/x/y.go", Kind.GENERATED),
        ("api/v1_pb2.py", Kind.GENERATED),
        ("logo.png", Kind.OTHER),
    ],
)
def test_a_name_tells_what_a_file_is(path, kind):
    assert kind_of(path) is kind
