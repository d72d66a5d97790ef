import re
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.core.command.lines import addressed_lines, find_command_lines, is_prompt
from bot.core.command.prose import veil

CASES = yaml.safe_load(Path("fixtures/commands/lines.yaml").read_text("utf-8"))
SIZE = 65_536


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_commands_are_found_where_a_reader_would_see_them(case):
    assert find_command_lines(case["comment"]) == tuple(case["found"])


PIECES = st.sampled_from(
    [
        "/batch 12",
        "some text",
        "and more",
        "12. one",
        "- item",
        "> quote",
        ">> quote",
        "  > quote",
        "```",
        "~~~",
        "    code",
        "    /batch 15",
        "  /batch 18",
        "# heading",
        "===",
        "---",
        "***",
        "",
        "[a]: b",
        "[a]:",
        "<div>",
        "<!-- x",
        "-->",
        "</div>",
        "<b>x</b>",
    ]
)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=14))
@example(["<div>", "", "/batch 12"])
def test_shortening_a_comment_changes_nothing_about_its_commands(lines):
    comment = "\n".join(lines)
    tokens = MarkdownIt("commonmark").parse(comment)
    expected: list[str] = []
    depth = 0
    for before, token in pairwise([*tokens[:1], *tokens]):
        if token.type == "html_block" and token.level == 0:
            for tag in re.findall(
                "</?div>", re.sub("<!--.*?(-->|\\Z)", "", token.content, flags=re.S)
            ):
                depth = max(0, depth - 1) if "/" in tag else depth + 1
        if before.type == "paragraph_open" and before.level == 0 and not depth:
            lines = veil(token.content).text.split("\n")
            expected += [
                one.strip() for one in lines if one.strip().startswith("/batch")
            ]
    assert list(find_command_lines(comment)) == expected


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_can_be_searched(text):
    assert all(
        line.casefold().startswith("/batch") for line in find_command_lines(text)
    )
    assert find_command_lines(f"{text}\n\n/batch 12") is not None


@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "[^",
        "[^1]: x\n",
        "<a b='",
        'x [a](b "',
        "![",
        "*",
        "`",
        "` ",
        "<",
        "<a",
        "<!--",
        "<?",
        "<![CDATA[",
        ">",
        "> - ",
        "- ",
        "1. ",
        "\\",
        "a\n",
        "(\n",
        "> a\n(\n",
        "[a]: b\n",
        "[a\n",
        "<details>\n\n",
        "<div>\n\n",
        "<b>",
        "</b>",
        "<b></i>",
        "$",
        "$x ",
        "$$ ",
        "~x ",
        "|-",
        "a|b\n-|-|-\n",
        "- \t",
        "[a]: <",
        "[a]: b 'c\n\n",
        "\n",
        "\t",
        "/batch 12\n",
    ],
)
def test_hostile_comments_are_read_to_the_end_or_left(unit):
    hostile = unit * (SIZE // len(unit))
    assert isinstance(find_command_lines(hostile + "\n\n/batch 12"), tuple)
    assert find_command_lines("/batch 12\n\n" + hostile)[0] == "/batch 12"


def test_a_long_log_before_a_command_does_not_hide_it():
    log = "".join(f"step {number} done\n" for number in range(4000))
    assert find_command_lines(f"{log}\n/batch 12") == ("/batch 12",)


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("/batch cancel", True),
        ("/Batch  PAUSE b7k2", True),
        ("/batch why 12\n\n/batch status", True),
        ("/batch priority 12 high", True),
        ("/batch concurrency 5", True),
        ("/batch cancel\n\n/batch 12", False),
        ("/batch 12", False),
        ("/batch", False),
        ("/batch canel", False),
        ("cancel", False),
    ],
)
def test_what_stops_reorders_or_asks_waits_for_no_other_command(
    comment: str, expected: bool
):
    assert is_prompt(comment) is expected


@pytest.mark.parametrize(
    ("comment", "lines"),
    [
        ("@batch-bot run 12 and 15", ("/batch run 12 and 15",)),
        ("Hi!\n\n@Batch-Bot[bot]: help", ("/batch help",)),
        ("@batch-bot", ("/batch",)),
        ("@batch-bot, please", ("/batch please",)),
        ("Thanks to @batch-bot for 12", ()),
        ("@batch-bots run 12", ()),
        ("> @batch-bot run 12", ()),
        ("```\n@batch-bot run 12\n```", ()),
        ("<!-- \n@batch-bot run 12\n-->", ()),
    ],
)
def test_who_speaks_to_the_bot_by_name_begins_a_line_with_it(comment, lines):
    assert addressed_lines(comment, "batch-bot[bot]") == lines
