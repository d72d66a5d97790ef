"""What batches cost over time, drawn: its charts as one SVG."""

from itertools import accumulate

from markupsafe import Markup

from bot.core.run.usage import Stats
from bot.core.say.stats import BAR, LEFT, WIDTH, charts, heading
from bot.web.pages.draw import Templates

_HEAD = 30  # above the first chart, where the image stands alone
_AROUND = 86  # of a chart: its title, its legend, what is left out, and a gap


def svg(templates: Templates, told: Stats, *, is_alone: bool) -> Markup:
    """Return all charts; *is_alone* in a file, where nothing around says what they are
    about.
    """
    drawn = charts(told)
    heights = [_AROUND + len(one.bars) * BAR for one in drawn]
    tops = list(accumulate(heights, initial=_HEAD if is_alone else 0))
    return templates.part(
        "charts.svg",
        charts=list(zip(drawn, tops, strict=False)),
        label=heading(told),
        is_alone=is_alone,
        width=WIDTH,
        height=tops[-1],
        left=LEFT,
        bar=BAR,
    )
