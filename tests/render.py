"""Renders comments as GitHub shows them, to be looked at.

    python -m tests.render OUT [NAME …]

writes ``NAME.html``, ``NAME-wide.png`` and ``NAME-phone.png`` into OUT for comments of
``fixtures/rendered`` (all without a NAME). Chromium is the system's. What GitHub adds
by itself is imitated: titles of items that start a list item, links of references,
boxes, alerts; mermaid stays source.
"""

import argparse
import html
import re
from pathlib import Path

import cmarkgfm  # type: ignore[import-untyped] # has no types
from cmarkgfm.cmark import Options  # type: ignore[import-untyped] # has no types
from playwright.sync_api import sync_playwright

from tests.golden import RENDERED
from tests.scenes import TITLES

STYLES = Path(".ci/node_modules/github-markdown-css/github-markdown-light.css")
_CHROMIUM = "/usr/bin/chromium"
_FLAGS = [
    "--no-hub",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
_WIDTHS = {"wide": 1000, "phone": 360}
_EXTENSIONS = ("table", "autolink", "tagfilter", "strikethrough", "tasklist")
_CODE = re.compile(r"(<pre>.*?</pre>|<code>.*?</code>|<a .*?</a>|<[^>]+>)", re.S)
_FRAME = """body { margin: 16px; background: #fff }
.comment { border: 1px solid #d1d9e0; border-radius: 6px; max-width: 880px; margin: auto }
.who { background: #f6f8fa; padding: 8px 16px; font: 14px sans-serif;
       border-bottom: 1px solid #d1d9e0 }
.markdown-body { padding: 16px; font-size: 14px }
li:has(> input) { list-style: none } ul:has(> li > input) { padding-left: 1.5em } li > input { margin: 0 .2em 0 -1.4em }
.number { color: #59636e; font-weight: 400 }"""


def render(body: str) -> str:
    """Return the HTML of a comment, with what GitHub puts in by itself."""
    options = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_HARDBREAKS
    rendered = cmarkgfm.markdown_to_html_with_extensions(
        body, options=options, extensions=_EXTENSIONS
    )
    rendered = _alerts(rendered)
    rendered = re.sub(
        r"(<li>(?:<input[^>]*>)?[^<#]*)#(\d+)",
        lambda m: (
            f"{m[1]}⊙ <strong>{_title(m[2])}</strong> <i class=number>&num;{m[2]}</i>"
        ),
        re.sub(r"<!-- batch:.*?-->", "", rendered),
    )
    parts = _CODE.split(rendered)
    parts[::2] = [re.sub(r"#(\d+)", r"<a href=#>#\1</a>", part) for part in parts[::2]]
    return "".join(parts)


def page(body: str, styles: str) -> str:
    """Return a whole page that shows one comment."""
    return (
        f"<!doctype html><meta charset=utf-8><style>{styles}{_FRAME}</style>"
        "<div class=comment><div class=who><b>batch-bot</b> bot commented now</div>"
        f"<div class=markdown-body>{render(body)}</div></div>"
    )


def _title(number: str) -> str:
    return html.escape(TITLES.get(int(number), f"Title of the item {number}"))


def _alerts(rendered: str) -> str:
    return re.sub(
        r"<blockquote>\s*<p>\[!(\w+)\](?:<br />\s*|</p>)",
        lambda m: (
            f'<blockquote class="markdown-alert markdown-alert-{m[1].lower()}">'
            f"<p class=markdown-alert-title>{m[1].title()}</p><p>"
        ),
        rendered,
    )


def main() -> None:
    """Render the named comments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--styles", type=Path, default=STYLES)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    styles = given.styles.read_text() if given.styles.is_file() else ""
    names = given.names or sorted(path.stem for path in RENDERED.glob("*.md"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        for name in names:
            body = (RENDERED / f"{name}.md").read_text(encoding="utf-8")
            path = (given.out / f"{name}.html").resolve()
            path.write_text(page(body, styles), encoding="utf-8")
            for label, width in _WIDTHS.items():
                tab = browser.new_page(viewport={"width": width, "height": 200})
                tab.goto(path.as_uri())
                tab.screenshot(path=given.out / f"{name}-{label}.png", full_page=True)
                tab.close()
        browser.close()


if __name__ == "__main__":
    main()
