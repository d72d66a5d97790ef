"""The help: every command, item, option and setting that a maintainer can type."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from bot.core.actions.spec import AppliesTo
from bot.core.actions.table import ACTIONS
from bot.core.model import Options
from bot.core.plan.keys import rows
from bot.core.say.situation import BudgetView
from bot.core.world.features import Feature, lacking
from bot.core.world.markdown import (
    code_span,
    details,
    escape_line,
    fence,
    link,
    paragraphs,
    table,
)

_COMMANDS = (
    ("`/batch 12 15 18 after:12`", "run items; `after:` makes the item before it wait"),
    ("`/batch label +bug 61 63`", "one action for all; see `/batch help items`"),
    ("`/batch plan …`", "show waves, cost and warnings; start nothing"),
    ("`/batch start [id]`", "start a plan"),
    ("`/batch status [id]`", "where things stand, as a new comment"),
    ("`/batch why 18`", "why an item is not running, or how it ended"),
    ("`/batch pause [id]` · `/batch resume [id]`", "stop starting new items · go on"),
    ("`/batch cancel [id] [12 15]`", "stop a batch, or only some items"),
    ("`/batch retry [id] [12 15]`", "run failed and skipped items again"),
    ("`/batch undo [id] [12 15]`", "take back what an ended batch changed"),
    ("`/batch skip [id] 12 15`", "leave items out, and what waits for them"),
    ("`/batch add [id] 21 22 after:18`", "add items to a live batch"),
    (
        "`/batch priority [id] 18 high` · `/batch concurrency [id] 5`",
        "start items first · work on so many at a time from now on",
    ),
    (
        '`/batch freeze main "release"` · `/batch unfreeze main`',
        "let no batch merge into a branch meanwhile",
    ),
    (
        "`/batch help [topic]`",
        "this text; topics: `items`, `options`, `labels`, `config`, or any word",
    ),
)
_SELECTORS = (
    ("`12` · `#12` · a link", "one issue or pull request"),
    (
        "`acme/api#5`",
        "one of another repository of the installation that is public; controls take"
        " that name as well",
    ),
    ("`12..18`", "a range; what is closed or missing is left out"),
    ("`this`", "the issue or pull request that you comment on"),
    ('`label:ready` · `milestone:"2.4"`', "all open items that have it"),
    ("`author:ada` · `assignee:@me`", "all open items of a person, or of yours"),
    ("`is:issue` · `is:pr`", "all open issues · all open pull requests"),
    ("`no:label` · `no:milestone`", "all open items that have none"),
    (
        "`base:main` · `draft:false` · `review:approved`",
        "all such open pull requests",
    ),
    ("`label:bug author:ada`", "filters side by side must all hold"),
    ("`label:a,label:b` · `-label:wip`", "either · not so"),
    ("`sub-issues:40` · `tasks:40`", "the sub-issues, or the task list, of an issue"),
    ("`-15`", "take an item out again"),
    ("`(15 18) after:12`", "both wait for #\u206012"),
    ("`close:63`", "another action for one item"),
    (
        "`12 review:12`",
        "review the pull request that #\u206012 opens; controls call it `12-review`",
    ),
    ("`18[priority:high timeout:2h]`", "options for one item"),
)
_DEFAULTS = Options()
_OPTIONS = (
    ("`after:12,15`", "the item before it waits for these"),
    ("`concurrency:3`", f"items at a time (default {_DEFAULTS.concurrency})"),
    (
        "`on-failure:stop`",
        "`continue`: only what depends on the failed item is skipped; `stop`;"
        f" `pause` (default `{_DEFAULTS.on_failure}`)",
    ),
    ("`timeout:30m`", "per item: `90s`, `30m`, `2h` (default `30m`)"),
    (
        "`retries:2`",
        f"0 to 5 new tries after a passing fault (default {_DEFAULTS.retries})",
    ),
    ("`priority:high`", "`high`, `normal`, `low` or 0 to 100 (default `normal`)"),
    (
        "`budget:500`",
        "the most API requests that the batch may use (default: no limit)",
    ),
    (
        "`deps:native`",
        "`all`; `native`: without texts; `typed`: only `after:`"
        f" (default `{_DEFAULTS.deps}`)",
    ),
    (
        "`method:squash`",
        "of merges: `merge`, `squash`, `rebase` (default: the repository's)",
    ),
    (
        "`update:always`",
        "before a merge: `always`; `required`: if the base wants it; `never`"
        f" (default `{_DEFAULTS.update}`)",
    ),
    (
        "`update-method:rebase`",
        "of updates: `merge`; `rebase`: the commits are made again on the base"
        f" (default `{_DEFAULTS.update_method}`)",
    ),
    (
        "`start-at:22:00`",
        "UTC, or `22:00@Asia/Tokyo`, or `Mon-06:00`: planned now, starts then with the"
        " role that you have then; `/batch start` and `/batch cancel` go before that",
    ),
    ("`again`", "implement also what has an open pull request of the bot"),
    ("`dry-run`", "same as `/batch plan`"),
)
_EXAMPLES = (
    "/batch 12..18 on-failure:stop",
    "/batch label:ready priority:high",
    "/batch 12 15 after:12 18 after:12,15",
)
_APPLIES_TO = {
    AppliesTo.ISSUES: "issues",
    AppliesTo.PULL_REQUESTS: "pull requests",
    AppliesTo.BOTH: "both",
}
_LABELS = paragraphs(
    "Put the label on an issue or pull request, and it is run without a command"
    " (`batch`, unless `.github/batch.yml` names another):",
    "- an issue with sub-issues or a task list: its open items; else the issue itself\n"
    "- a pull request: itself\n"
    "- what one person labels within 90 seconds becomes one batch\n"
    "- taking the label off before the start withdraws the item, later it cancels it\n"
    "- at the end the label is taken off what completed; what failed keeps it, and runs"
    " again when it is put on anew",
    "You need the same access as for the command; without it nothing happens.",
)
CONFIGURATION_EXAMPLE = (
    "permissions:",
    "  run: write              # who may start batches",
    "defaults:                 # the action where none is typed",
    "  issue: implement",
    "  pull_request: review",
    "limits:",
    "  items: 50               # of one command",
    "  confirm_over: 20        # show the plan first above this",
    "label: batch              # starts a batch without a command",
    "review_requests: [team:batch-reviewers]",
    "actions:                  # your own names",
    "  triaged: {uses: label, with: [+triaged, -new]}",
)
_CONFIGURATION = paragraphs(
    "`.github/batch.yml` on the default branch may hold any of these:",
    fence(CONFIGURATION_EXAMPLE, "yaml"),
    "\n".join(
        f"- {code_span(name)} — {key.says}: {code_span(key.example)}"
        for name, key in rows()
    ),
    "A mistake in it is answered in a comment, and nothing starts until it is mended.",
)


def render_help(
    topic: str = "",
    *,
    marker: str,
    version: str = "",
    budget: BudgetView | None = None,
    web_url: str = "",
    missing: Collection[str] = (),
    commanded: Collection[str] = (),
    suggestions: Sequence[str] = (),
    lacks: Collection[Feature] = (),
) -> str:
    """Return the help on a topic; an unknown one is answered with the overview.

    *missing* names the built-in actions that this server cannot do, *commanded* those
    that run a command here though they do without elsewhere; *suggestions* are
    commands that suit the thread; *lacks* is what this GitHub is known not to have.
    """
    rows = _rows(missing, commanded)
    topics: Mapping[str, Callable[[], str]] = {
        "items": lambda: _help_items(rows),
        "options": _help_options,
        "labels": lambda: paragraphs("### Batches from labels", _LABELS),
        "config": lambda: paragraphs("### `.github/batch.yml`", _CONFIGURATION),
    }
    body = topics[topic]() if topic in topics else _of_word(topic, rows)
    is_overview = body == _help_overview()
    if suggestions:
        hint = "This issue has parts. To run those that are open, write:"
        body = paragraphs(hint, *(fence([command]) for command in suggestions), body)
    body = paragraphs(body, lacking(lacks))
    parts = [f"batch-bot {escape_line(version)}".strip()]
    if budget is not None:
        parts.append(
            f"this installation: {budget.remaining:,} of {budget.limit:,} requests left"
        )
    if web_url:
        parts.append(link("dashboard", web_url))
    if not is_overview:
        parts.append("`/batch help` lists the commands")
    return f"{marker}\n" + paragraphs(body, f"<sub>{' · '.join(parts)}</sub>")


def render_addressed(offered: str, *, marker: str) -> str:
    """Return a short help for whoever speaks to the bot by name; *offered* is the command
    that they may mean.
    """
    lead = "Is it this? Copy it into a new comment:" if offered else ""
    return f"{marker}\n" + paragraphs(
        "I read lines that begin with `/batch`, such as `/batch 12 15 18 after:12`; my"
        " name alone starts nothing.",
        *([lead, fence(offered)] if offered else []),
        "<sub>`/batch help` lists the commands · I say this once a day in a thread.</sub>",
    )


def _of_word(word: str, rows: Sequence[tuple[str, str]]) -> str:
    """Return the rows of the help that are about a word; the overview if there are none."""
    if not word:
        return _help_overview()
    named = re.compile(rf"`(?:/batch )?{re.escape(word)}(?![\w-])")
    found = [
        [name, what]
        for name, what in (*_COMMANDS, *_SELECTORS, *_OPTIONS, *rows)
        if named.search(name)
    ]
    if not found:
        return _help_overview()
    return paragraphs(
        f"### {code_span(word)}", table(["Word", "What it does"], "ll", found)
    )


def _help_overview() -> str:
    items = '`12` · `12..18` · `label:ready` · `milestone:"2.4"` · a link'
    options = (
        "`after:12,15` · `concurrency:3` · `retries:2` · `timeout:30m` ·"
        " `on-failure:stop` · `priority:high`"
    )
    return paragraphs(
        "### `/batch` commands",
        table(["Command", "What it does"], "ll", _COMMANDS),
        f"**Items** {items}\n**Options** {options}",
        details("Examples", fence(_EXAMPLES)),
    )


def _help_items(rows: Sequence[tuple[str, str]]) -> str:
    actions = [
        [name, f"{_APPLIES_TO[action.applies_to]}: {effect}"]
        for action, (name, effect) in zip(ACTIONS.values(), rows, strict=True)
    ]
    return paragraphs(
        "### Items and actions",
        table(["Item", "What it stands for"], "ll", _SELECTORS),
        "An action stands before all items (`/batch close 12 15`) or before one"
        " (`/batch 12 close:63`). Without one, issues get `implement` and pull"
        " requests `review`.",
        table(["Action", "For what, and what it does"], "ll", actions),
    )


def _rows(
    missing: Collection[str], commanded: Collection[str]
) -> Sequence[tuple[str, str]]:
    """Return each action as it is typed, and its effect."""
    return [
        (
            code_span(f"{action.name} {action.arguments.usage}".strip()),
            action.words.effect
            + f", with what the command `{action.name}` says"
            * (action.name in commanded)
            + " (not on this server)" * (action.name in missing),
        )
        for action in ACTIONS.values()
    ]


def _help_options() -> str:
    return paragraphs(
        "### Options",
        table(["Option", "What it does"], "ll", _OPTIONS),
        "They stand anywhere in the command, or in brackets behind one item:"
        " `18[priority:high timeout:2h]`.",
        details("Examples", fence(_EXAMPLES)),
    )
