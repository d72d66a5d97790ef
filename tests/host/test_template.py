from pathlib import Path

import pytest

from bot.host.template import MOST_BYTES, pull_request_template


def made(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, newline="")
    return root


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, ""),
        ({".github/pull_request_template.md": "a\r\nb\r\n"}, "a\nb"),
        ({"PULL_REQUEST_TEMPLATE.MD": "root"}, "root"),
        ({"docs/Pull_Request_Template.txt": "docs"}, "docs"),
        ({"pull_request_template": "bare"}, "bare"),
        (
            {
                "docs/pull_request_template.md": "docs",
                "pull_request_template.md": "root",
                ".github/PULL_REQUEST_TEMPLATE.md": "hidden",
            },
            "hidden",
        ),
        ({".github/PULL_REQUEST_TEMPLATE/bug.md": "one of several"}, ""),
        (
            {
                ".github/PULL_REQUEST_TEMPLATE/bug.md": "one of several",
                "docs/pull_request_template.md": "docs",
            },
            "docs",
        ),
        ({"pull_request_template.rb": "code"}, ""),
        ({"pull_request_template.md": "x" * (MOST_BYTES + 1)}, ""),
    ],
)
def test_the_template_is_the_one_that_github_takes(
    tmp_path: Path, files: dict[str, str], found: str
):
    assert pull_request_template(made(tmp_path, files)) == found


def test_a_template_is_not_looked_for_behind_links(tmp_path: Path):
    outside = made(tmp_path / "outside", {"pull_request_template.md": "secret"})
    inside = made(tmp_path / "inside", {"README.md": ""})
    (inside / ".github").symlink_to(outside)
    (inside / "docs").mkdir()
    target = outside / "pull_request_template.md"
    (inside / "docs/pull_request_template.md").symlink_to(target)
    assert pull_request_template(inside) == ""
