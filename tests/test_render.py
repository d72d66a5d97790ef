"""Every reviewed comment, looked at on a phone, in a browser."""

import pytest
from playwright.async_api import Browser, ViewportSize

from tests.golden import RENDERED
from tests.render import STYLES, page

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = ViewportSize(width=360, height=780)
# Quoted commands, logs and settings keep their lines; GitHub draws the graphs itself.
CUT = """() => {
  document.querySelectorAll('details').forEach(one => one.open = true)
  return [document.documentElement, ...document.querySelectorAll('.markdown-body *')]
    .filter(one => one.tagName !== 'PRE' && one.clientWidth > 0
                   && one.scrollWidth > one.clientWidth)
    .map(one => `${one.tagName} ${one.scrollWidth} > ${one.clientWidth}`)
}"""


async def test_no_reviewed_comment_is_wider_than_a_phone(browser: Browser):
    if not STYLES.is_file():
        pytest.skip(f"there is no {STYLES}; npm install --prefix .ci brings it")
    styles = STYLES.read_text(encoding="utf-8")
    cut = {}
    async with await browser.new_page(viewport=PHONE) as tab:
        for path in sorted(RENDERED.glob("*.md")):
            await tab.set_content(page(path.read_text(encoding="utf-8"), styles))
            cut[path.stem] = await tab.evaluate(CUT)
    assert len(cut) > 20
    assert {name: parts for name, parts in cut.items() if parts} == {}
