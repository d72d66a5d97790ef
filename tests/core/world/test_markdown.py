import html
import re

import cmarkgfm  # type: ignore[import-untyped] # has no types
import pytest
from cmarkgfm.cmark import Options  # type: ignore[import-untyped] # has no types
from hypothesis import example, given
from hypothesis import strategies as st

from bot.core.model import ItemNumber, Reference
from bot.core.world import markdown

EXTENSIONS = ("table", "autolink", "tagfilter", "strikethrough", "tasklist")
ELEMENTS = {"ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
MENTION = re.compile(r"(?<![\w`/])@[a-z\d]", re.I)
REFERENCE = re.compile(r"#\d|\bgh-\d|\b[0-9a-f]{7,40}\b", re.I)

NASTY = [
    "@", "#", "12", "GH-", "gh-3", "acme/widgets", "fixes", "0123abc", "deadbeef" * 5,
    "https://", "http://a.b/c", "www.evil.example", "ada@example.org", "ftp://x.y",
    "<", ">", "<!--", "-->", "<b>", "</details>", "<img src=x>", "&lt;", "&#64;", "&",
    "*", "**", "_", "__", "~", "~~", "`", "``", "```", "[", "]", "(", ")", "![a](b)",
    "[x]", "[ ]", "- ", "+ ", "1. ", "2) ", "=", "===", "---", "# ", "> ", "|", "\\",
    "$", "$$", ":", "!", "^", "[^1]", "\n", "\r\n", "\t", " ", "\u2028", "\x0b",
    "\x1b[31m", "\x1b]0;t\x07", "\u202e", "\u2066", "\u200d", "\ufe0f", "\x00", "é",
    "e\u0301", "👩\u200d💻", "\U0001f44d\U0001f3fd", "\ud800", "\u2060", "\xad", "word",
]  # fmt: skip
texts = st.lists(
    st.sampled_from(NASTY) | st.text(max_size=3) | st.from_regex(r"[#@]?\d{1,9}"),
    max_size=14,
).map("".join)


def render(body: str) -> str:
    return str(
        cmarkgfm.markdown_to_html_with_extensions(
            body, options=Options.CMARK_OPT_UNSAFE, extensions=EXTENSIONS
        )
    )


def shown(text: str) -> str:
    """Return what a reader may see of a text: one line, nothing invisible."""
    return markdown._one_line(text)


def inner(rendered: str, before: str, after: str) -> str:
    """Return the text between; fails if anything else, or an element, is there."""
    assert rendered.startswith(before), rendered
    assert rendered.endswith(after), rendered
    content = rendered[len(before) : len(rendered) - len(after)]
    assert "<" not in content, rendered
    return html.unescape(content)


def assert_inert(content: str, text: str) -> None:
    assert content.replace("\u2060", "") == shown(text)
    assert not MENTION.search(content)
    assert not REFERENCE.search(content)


@given(texts)
@example("12) x")
@example("- [ ] <!-- batch:cancel --> Cancel")
@example("___www.evil.example @ada, fixes acme/widgets#12 and GH-7")
def test_a_line_of_others_stays_one_list_item_of_plain_text(text):
    rendered = render(f"- {markdown.escape_line(text)}\n")
    assert_inert(inner(rendered, "<ul>\n<li>", "</li>\n</ul>\n"), text)


@given(texts)
def test_a_line_of_others_stays_a_paragraph_behind_our_own_words(text):
    rendered = render(f"Title: {markdown.escape_line(text)}\n")
    assert_inert(inner(rendered, "<p>Title:", "</p>\n").lstrip(" "), text)


@given(texts)
@example(r"a \| b \\| c")
def test_a_cell_of_others_stays_one_cell_of_plain_text(text):
    body = markdown.table(["A", "B"], "lr", [["x", markdown.escape_line(text)]])
    row = render(body).partition("<tbody>")[2].partition("</tbody>")
    cell = inner(
        row[0], '\n<tr>\n<td align="left">x</td>\n<td align="right">', "</td>\n</tr>\n"
    )
    assert_inert(cell, text)


@given(texts, texts)
def test_a_link_has_the_text_and_one_element_whatever_its_address(text, url):
    rendered = render(markdown.link(f"x{markdown.escape_line(text)}", f"/{url}"))
    match = re.fullmatch(r'<p><a href="[^"]*">x([^<]*)</a></p>\n', rendered)
    assert match, rendered
    assert html.unescape(match[1]).replace("\u2060", "") == shown(text)


@given(texts)
@example("a|b`c``")
@example("`")
def test_code_of_others_is_one_code_element_in_a_line_and_in_a_cell(text):
    code = markdown.code_span(text)
    rows = render(markdown.table(["A"], "l", [[code]]))
    for rendered in (render(f"- a {code}"), rows):
        contents = re.findall(r"<code>([^<]*)</code>", rendered)
        assert len(contents) == bool(shown(text))
        assert all(
            html.unescape(content).replace("\u2060", "")
            == shown(text).replace("\u2060", "")
            for content in contents
        )
        rest = re.sub(r"<code>[^<]*</code>", "", rendered)
        assert set(re.findall(r"<(\w+)", rest)) <= ELEMENTS


@given(st.lists(texts, max_size=4))
@example(["```", "~~~", "````text"])
def test_a_fence_of_others_is_one_block_that_holds_all_lines(lines):
    rendered = render(markdown.fence(lines) + "\n\nend")
    match = re.fullmatch(
        r'<pre><code class="language-text">([^<]*)</code></pre>\n<p>end</p>\n', rendered
    )
    assert match, rendered
    plain = markdown._ANSI.sub("", "\n".join(lines))
    expected = [markdown._visible(line) for line in markdown._BREAKS.split(plain)]
    assert html.unescape(match[1]).split("\n") == [*expected, ""]


@given(texts)
@example("Fix `a|b` and `@ada` in *c*")
@example("`a``b` ` ` `")
def test_prose_of_others_has_code_and_nothing_else(text):
    prose = markdown.escape_prose(text)
    rendered = render(f"- {prose}")
    content = re.sub(r"</?code>", "", rendered)
    plain = inner(content, "<ul>\n<li>", "</li>\n</ul>\n").replace("\u2060", "")
    # A code element has no space at its ends.
    assert re.sub(r"[`\s]", "", plain) == re.sub(r"[`\s]", "", shown(text))
    outside = html.unescape(re.sub(r"<code>.*?</code>", "", rendered))
    assert not MENTION.search(outside)
    assert not REFERENCE.search(outside)


@given(texts, st.integers(1, 20))
def test_a_cut_text_fits_its_width_and_ends_between_characters(text, width):
    cut = markdown.cut(shown(text), width)
    assert len(cut) <= width
    if cut != shown(text):
        kept = cut.removesuffix("…")
        assert shown(text).startswith(kept)
        assert not kept.endswith("\u200d")


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("Add the plugin hooks", 10, "Add the p…"),
        ("Add the plugin", 8, "Add the…"),
        ("cafe\u0301s", 5, "caf…"),
        ("ab👩\u200d💻cd", 5, "ab…"),
        ("<<<<<<", 3, "&lt;&lt;…"),
    ],
)
def test_a_text_is_cut_before_it_is_escaped(text, width, expected):
    assert markdown.escape_line(text, width) == expected


def test_joiners_break_what_github_looks_for():
    escaped = markdown.escape_line("@ada fixes #12, GH-12 and 0123456789 www.x.org")
    assert escaped == (
        "@\u2060ada fixes #\u206012, GH-\u206012 and 012345\u20606789 www\u2060.x.org"
    )


def test_code_can_be_copied_as_it_is():
    assert markdown.code_span("@types/node#1") == "`@types/node#1`"


def test_a_terminal_colour_leaves_no_trace():
    assert markdown.fence("\x1b[1;31mred\x1b[0m\r\nnext\x1b]8;;u\x1b\\") == (
        "```text\nred\nnext\n```"
    )


def test_lengths_count_as_github_counts():
    assert markdown.utf16_length("a🟩") == 3


def test_links_follow_the_site_of_the_command():
    url = "https://ghe.example/acme/widgets/issues/40#issuecomment-1"
    links = markdown.Links.beside("acme/widgets", url)
    other = Reference("acme/api", ItemNumber(9))
    assert links.item(12) == "[#12](https://ghe.example/acme/widgets/issues/12)"
    assert links.reference(other) == (
        "[acme/api#\u20609](https://ghe.example/acme/api/issues/9)"
    )
    assert markdown.Links.beside("acme/new-name", url).site == "https://github.com"


def test_many_items_are_counted_after_the_first():
    links = markdown.Links("a/b", "")
    numbers = [ItemNumber(n) for n in (1, 2, 3)]
    assert links.items(numbers) == (
        "[#1](/a/b/issues/1), [#2](/a/b/issues/2) and [#3](/a/b/issues/3)"
    )
    assert links.items(numbers, 1) == "[#1](/a/b/issues/1) and 2 more"


def test_counts_agree_with_their_nouns():
    assert markdown.plural(1, "reply", "replies") == "1 reply"
    assert markdown.plural(1200, "item") == "1,200 items"


ORDERS = ["[skip ci]", "[ci skip]", "[No CI]", "[actions skip]", "***NO_CI***"]
AT_THE_START = [
    "/approve",
    "/lgtm cancel",
    "Co-authored-by: x",
    "Signed-off-by: x",
    "skip-checks: true",
]


@pytest.mark.parametrize("order", [*ORDERS, *AT_THE_START])
@pytest.mark.parametrize(
    "write",
    [
        markdown.escape_line,
        markdown.escape_prose,
        markdown.code_span,
        markdown.fence,
        markdown.disarm,
    ],
)
def test_no_other_machine_obeys_the_words_of_others(write, order: str):
    written = write(f"{order} now")
    assert order.casefold() not in written.replace("\\", "").casefold()
    assert order.casefold() in re.sub(r"[\u2060\\]", "", written).casefold()
    if write is markdown.fence:
        assert f"\n{order}" not in write(f"one\n{order}")


@pytest.mark.parametrize(
    "text", ["/batch retry b7k2", "/usr/bin/python x", "a/b", "stand-by"]
)
def test_what_is_no_order_stays_as_it_is(text: str):
    assert markdown.disarm(f"{text}\nx {text}") == f"{text}\nx {text}"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\u200db", "ab"),
        ("\u200cab\u200c", "ab"),
        ("a\u200d\u200d\u200db", "ab"),
        ("\U000e0041\U000e007fx", "x"),
        ("x\u3164\u115f y", "x y"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("\u0645\u06cc\u200c\u062e\u0648", "\u0645\u06cc\u200c\u062e\u0648"),
        ("👩\u200d 💻", "👩 💻"),
    ],
)
def test_what_nobody_sees_is_not_shown(text: str, seen: str):
    assert markdown.escape_line(text) == seen
    assert markdown.code_span(text).strip("`") == seen


@given(texts)
@example("x `y`|.txt")
def test_a_name_in_prose_is_shown_as_code_once_it_is_escaped(text):
    shown = markdown.code_span(text.replace("`", "\N{MODIFIER LETTER GRAVE ACCENT}"))
    assert (
        markdown.escape_prose(f"in {markdown.prose_code(text)}")
        == f"in {shown}".rstrip()
    )
