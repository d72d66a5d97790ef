import pytest
from markupsafe import Markup

from bot.localhub.markdown import Context, Target, render, set_line

CONTEXT = Context(
    "acme/widgets",
    "http://github.test",
    (
        Target(12, "Parser <i>drops</i>", "issue-open", "/acme/widgets/issues/12"),
        Target(63, "Cache", "pull-open", "/acme/widgets/pull/63"),
    ),
    frozenset({"ada"}),
)


def html(text: str, *, boxes: bool = False) -> Markup:
    return render(text, CONTEXT, boxes=boxes)


def test_a_line_break_is_kept() -> None:
    assert html("one\ntwo") == "<p>one<br>\ntwo</p>\n"


def test_comments_in_the_text_vanish() -> None:
    assert html("<!-- marker -->\n### A <!-- b --> c") == "\n<h3>A  c</h3>\n"


def test_the_html_that_github_allows_works() -> None:
    text = "<details><summary>More</summary>\n\n**x** <sub>y</sub>\n\n</details>"
    assert "<details><summary>More</summary>\n<p><strong>x</strong> <sub>y" in html(
        text
    )


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "<a href='javascript:alert(1)'>x</a>",
        "<svg onload=alert(1)><use href='data:x'/></svg>",
        "<iframe src='https://a.test'></iframe>",
        "<div style='position:fixed' onclick=alert(1) id=body>x</div>",
        "<form action='/-/bot'><button>x</button></form>",
        "<input type=checkbox data-line=3 checked>",
        "<details ontoggle=alert(1) open>x</details>",
        '```mermaid\nflowchart LR\n  a["</text><script>alert(1)</script>"]\n```',
        '```"><script>alert(1)</script>\nx\n```',
        "| a |\n|--|\n| <td onclick=alert(1)> |",
        "<style>body{display:none}</style>",
        "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    ],
)
def test_no_other_html_works(text: str) -> None:
    shown = html(text, boxes=True)
    for bad in (
        "<script", "onerror", "onload", "onclick", "ontoggle", "href=\"javascript",
        "<iframe", "style", "<form", "<button", "<input", ' id="',
    ):  # fmt: skip
        assert bad not in shown


def test_a_bare_reference_in_a_list_shows_state_and_title() -> None:
    shown = html("- ✅ #12 — done")
    assert "<b>Parser &lt;i&gt;drops&lt;/i&gt;</b> <span>#12</span></a> — done" in shown
    assert 'href="#issue-open"' in shown


def test_elsewhere_a_reference_is_its_number() -> None:
    assert '<a href="/acme/widgets/pull/63" title="Cache">#63</a>' in html("see #63")


@pytest.mark.parametrize(
    "text",
    ["`#12`", "a#12", "#\u206012", "#99", "other/repo#12", "&#12;x", "[#12](/x)"],
)
def test_what_github_does_not_link_is_no_reference(text: str) -> None:
    assert "/acme/widgets/issues/12" not in html(text)


def test_an_address_of_a_thread_is_a_reference() -> None:
    shown = html("see http://github.test/acme/widgets/issues/12, and https://a.test/b.")
    assert '<a href="/acme/widgets/issues/12"' in shown
    assert '<a href="https://a.test/b"' in shown


def test_people_are_named_and_strangers_are_not() -> None:
    assert html("@ada and @nobody") == "<p><strong>@ada</strong> and @nobody</p>\n"


def test_an_alert_has_its_title_and_no_marker() -> None:
    shown = html("> [!WARNING]\n> Careful.")
    assert (
        '<div class="alert alert-warning"><p class="alert-title">Warning</p>' in shown
    )
    assert "[!" not in shown
    assert "Careful." in shown


def test_cells_are_aligned() -> None:
    assert '<td align="right">1</td>' in html("| a |\n|--:|\n| 1 |")


def test_boxes_know_their_line_and_can_be_off() -> None:
    text = "- [ ] one\n\ntext\n\n- [x] <!-- batch:pause --> two"
    assert '<input type="checkbox" data-line="0">' in html(text, boxes=True)
    assert '<input type="checkbox" data-line="4" checked>' in html(text, boxes=True)
    assert html(text).count(" disabled>") == 2


@pytest.mark.parametrize("text", ["`- [ ] a`", "> - [ ] a", "    - [ ] a", "- [] a"])
def test_there_are_no_boxes_where_github_has_none(text: str) -> None:
    assert "<input" not in html(text, boxes=True)


def test_a_ticked_box_is_saved_as_a_browser_does() -> None:
    text = "intro\r\n- [ ] one\n- [x] two"
    assert set_line(text, 1, checked=True) == "intro\r\n- [x] one\r\n- [x] two"
    assert set_line(text, 2, checked=False) == "intro\r\n- [ ] one\r\n- [ ] two"
    assert set_line(text, 0, checked=True) is None
    assert set_line(text, 7, checked=True) is None
