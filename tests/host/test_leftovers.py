from collections.abc import Sequence

import pytest

from bot.core.say.notes import Leftover
from bot.host.leftovers import KINDS, Leftovers
from bot.ports.host import LeftOut


def sort(
    new: Sequence[str],
    *,
    own: Sequence[str] = (),
    tracked: Sequence[str] = (),
    empty: Sequence[str] = (),
) -> tuple[list[str], list[LeftOut]]:
    return Leftovers(own).sort(
        new, is_tracked=tracked.__contains__, is_empty=empty.__contains__
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_left_out_at_the_top_and_below(kind: str):
    name = kind.replace("*", "x")
    kept, out = sort([name, f"deep/er/{name}"])
    assert kept == []
    assert [(left.path, left.why) for left in out] == [
        (name, KINDS[kind]),
        (f"deep/er/{name}", KINDS[kind]),
    ]


def test_a_folder_is_named_once_by_its_outermost_name():
    kept, out = sort(
        ["node_modules/a/index.js", "node_modules/b/__pycache__/c.pyc", "src/new.js"]
    )
    assert kept == ["src/new.js"]
    assert out == [LeftOut("node_modules/", Leftover.INSTALLED)]


def test_folders_may_be_nested_as_deep_as_a_path_is_long():
    deep = "d/" * 2000
    kept, out = sort([f"{deep}new.js", f"{deep}__pycache__/a.pyc"])
    assert kept == [f"{deep}new.js"]
    assert out == [LeftOut(f"{deep}__pycache__/", Leftover.CACHE)]


@pytest.mark.parametrize(
    "name",
    [
        *("my_node_modules/a", "node_modules.md", "env", ".env.example", "a.env"),
        *(".aider.conf.yml", ".claude/settings.json", ".claude/commands/fix.md"),
        *("target/page.html", "src/targets/debug.py", "debug/target", "venv.txt"),
        *(".gitignore", "docs/.gitkeep", "cache/a", "dist/app.js", "lib/egg-info"),
        *("xgit", ".github/workflows/ci.yml", "a.git/b", "coverage.xml"),
    ],
)
def test_what_only_looks_like_a_leftover_is_kept(name: str):
    assert sort([name]) == ([name], [])


def test_what_the_repository_keeps_itself_counts():
    names = ["vendor/node_modules/a/b.js", "node_modules/c.js"]
    kept, out = sort(names, tracked=["vendor/node_modules", "vendor"])
    assert kept == ["vendor/node_modules/a/b.js"]
    assert [left.path for left in out] == ["node_modules/"]


def test_a_folder_is_known_by_what_marks_it():
    kept, out = sort(
        [
            "py311/bin/python",
            "py311/pyvenv.cfg",
            "out/CACHEDIR.TAG",
            "out/x",
            "pyvenv.cfg",
        ]
    )
    assert kept == ["pyvenv.cfg"]
    assert out == [
        LeftOut("py311/", Leftover.INSTALLED),
        LeftOut("out/", Leftover.CACHE),
    ]


def test_empty_dot_files_at_the_top_are_a_sandboxs():
    names = [".bashrc", ".mcp.json", ".nojekyll", ".full", "docs/.empty", "empty"]
    kept, out = sort(names, empty=[name for name in names if name != ".full"])
    assert kept == [".nojekyll", ".full", "docs/.empty", "empty"]
    assert [left.path for left in out] == [".bashrc", ".mcp.json"]


def test_repositories_are_left_out_as_work():
    kept, out = sort(["vendor/inner/", "node_modules/dep/", "x/.GIT/config"])
    assert kept == []
    assert out == [
        LeftOut("vendor/inner/", Leftover.REPOSITORY, is_work=True),
        LeftOut("node_modules/", Leftover.INSTALLED),
        LeftOut("x/.GIT/", Leftover.NAME, is_work=True),
    ]


def test_the_settings_add_to_the_list_and_take_from_it():
    kept, out = sort(
        ["dist/app.js", "web/generated/a.ts", "generated/b", ".env", "py/pyvenv.cfg"],
        own=["dist/", "web/generated", "!.env", "!pyvenv.cfg"],
    )
    assert kept == ["generated/b", ".env", "py/pyvenv.cfg"]
    assert out == [
        LeftOut("dist/", Leftover.OWN),
        LeftOut("web/generated/", Leftover.OWN),
    ]
