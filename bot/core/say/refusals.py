"""Why a command was refused, with what to write instead."""

import re
from collections.abc import Sequence
from typing import assert_never

from bot.core.command.faults import (
    CycleFound,
    Declined,
    NotPermitted,
    Refusal,
    UnknownItems,
    Unreadable,
)
from bot.core.model import Edge, Origin, Reference, Role
from bot.core.say.carets import point_out
from bot.core.say.names import Names
from bot.core.say.sentences import origin_sentence
from bot.core.world.markdown import (
    Links,
    code_span,
    escape_prose,
    fence,
    first_that_fits,
    join,
    link,
    paragraphs,
    some,
    utf16_length,
)

_NUMBERS = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
]
ASK = "ask me"
START = "start a batch"
START_IT = "start this batch"
FREEZE = "freeze a branch"
"""What somebody may not do, as it stands behind *you need write access to*."""

_MOST_UNKNOWN = 50
_SAYS_THAT_NOTHING_STARTED = re.compile(
    r"\bnothing (?:more )?(?:was )?(?:started|changed|frozen)\b",
    re.IGNORECASE,
)
_LONG = 20_000


def render_refusal(refusal: Refusal, *, marker: str, links: Links) -> str:
    """Return why a command did not run, and what to write instead."""
    match refusal:
        case Unreadable():
            parts = _unreadable(refusal)
        case UnknownItems():
            parts = _unknown_items(refusal)
        case CycleFound():
            parts = _cycle(refusal, links)
        case NotPermitted():
            parts = _not_permitted(refusal)
        case Declined():
            parts = _declined(refusal)
        case _:
            assert_never(refusal)
    short = [part for part in parts if utf16_length(part) < _LONG]
    return first_that_fits(f"{marker}\n{paragraphs(*it)}" for it in (parts, short))


def _copy(command: str, lead: str = "Copy this into a new comment:") -> str:
    return paragraphs(lead, fence(command)) if command else ""


def _besides(said: str) -> str:
    return f"Besides: {said}" if said else ""


def in_a_sentence(refusal: Refusal) -> str:
    """Return what is wrong, as Markdown for beside something else; faults have none."""
    match refusal:
        case Unreadable():
            return ""
        case UnknownItems(_, unknown):
            names = [code_span(one.text, 60) for one in unknown]
            return f"I cannot find {some(names[:5], len(names))}."
        case CycleFound():
            return "Items in it wait for each other."
        case NotPermitted(needed, _, what):
            return f"Only people with **{_role(needed)}** access can {escape_prose(what)} here."
        case Declined(message):
            return message
        case _:
            assert_never(refusal)


def _unreadable(problem: Unreadable) -> Sequence[str]:
    shown, messages = point_out(problem.lines)
    said = [escape_prose(f"{one[:1].upper()}{one[1:]}") for one in messages]
    numbered = [f"{number}. {one}" for number, one in enumerate(said, 1)]
    return [
        "😕 I could not read that command, so nothing started.",
        fence(shown),
        "\n".join(numbered if len(said) > 1 else said),
        _besides(problem.besides),
        _copy(problem.corrected),
        "<sub>`/batch help` lists items, options and examples.</sub>",
    ]


def _unknown_items(problem: UnknownItems) -> Sequence[str]:
    missing, found = len(problem.unknown), problem.asked - len(problem.unknown)
    what = f"{_in_word(missing)} of the {_in_word(problem.asked)} items"
    if problem.asked == 1:
        what = "that item"
    elif not found:
        what = f"any of the {_in_word(problem.asked)} items"
    rows = [
        f"- {code_span(one.text, 60)}: {escape_prose(one.problem, 200)}"
        f"{f'; maybe #{one.maybe}?' if one.maybe else ''}"
        for one in problem.unknown[:_MOST_UNKNOWN]
    ]
    more = missing - len(rows)
    return [
        f"😕 I cannot find {what}, so nothing started.",
        "\n".join(rows),
        f"and {more} more" if more else "",
        _besides(problem.besides),
        _copy(problem.corrected, f"To go ahead with the {_in_word(found)} I found:"),
    ]


def _cycle(problem: CycleFound, links: Links) -> Sequence[str]:
    names = Names.of(problem.items, links)
    rows = [
        f"- **{names.plain(edge.successor)} waits for {names.plain(edge.predecessor)}:**"
        f" {_edge_origin(edge, names)}"
        for edge in problem.edges[:_MOST_UNKNOWN]
    ]
    return [
        "😕 These items wait for each other, so nothing started.",
        fence(" → ".join(map(names.text, problem.path))),
        "Each must finish before the next, so none could ever start.",
        "\n".join(rows),
        _besides(problem.besides),
        _copy(problem.corrected, "Remove one edge. For example:")
        or "Remove one of these edges and give the command again.",
    ]


def _edge_origin(edge: Edge, names: Names) -> str:
    successor, predecessor = names.items[edge.successor], names.items[edge.predecessor]
    match edge.origin:
        case Origin.TYPED:
            is_home = names.is_home(predecessor.id)
            away = "" if is_home else f"{predecessor.repository.name}#"
            return f"`after:{away}{predecessor.number}` in your command"
        case Origin.TEXT:
            url = names.links.address(
                Reference(successor.repository.name, successor.number)
            )
            depends = f"“depends on {names.plain(predecessor.id)}”"
            return f"{depends} in its {link('text', url)}"
        case _:
            return origin_sentence(edge.origin, names.plain(predecessor.id))


_VERBS = {
    "add": "add to",
    "priority": "set priorities in",
    "concurrency": "set the concurrency of",
}


def of_somebody_else(control: str) -> str:
    """What somebody may not do to a batch that is another's."""
    verb = _VERBS.get(control, control)
    return f"{verb} this batch of somebody else"


def _not_permitted(problem: NotPermitted) -> Sequence[str]:
    # "merge" and "start a batch" start something; "cancel this batch" changes it.
    nothing = "nothing changed" if "this batch" in problem.what else "nothing started"
    if problem.could_not_ask:
        return [
            f"🔒 GitHub did not tell me what access you have here, so {nothing}.",
            _copy(problem.command, "Please try again in a minute:"),
        ]
    had = f"**{_role(problem.had)}** access" if problem.had else "no access"
    setting = f"Set by {code_span(problem.setting)} in `.github/batch.yml`. "
    return [
        f"🔒 Only people with **{_role(problem.needed)}** access{_in(problem.teams)} can"
        f" {escape_prose(problem.what)} here; you have {had}, so {nothing}.",
        _copy(
            problem.command, "Someone who can may copy this, or you can ask them to:"
        ),
        f"<sub>{setting if problem.setting else ''}I say this once a day per person;"
        " after that I only react with 😕.</sub>",
    ]


def _declined(problem: Declined) -> Sequence[str]:
    is_said = _SAYS_THAT_NOTHING_STARTED.search(problem.message)
    message = problem.message if is_said else f"{problem.message} Nothing started."
    return [f"😕 {message}", _besides(problem.besides), _copy(problem.corrected)]


def _in(teams: Sequence[str]) -> str:
    """Return in which teams somebody may be instead of having a role."""
    names = [code_span(f"team:{team}") for team in teams]
    return f", or in {join(names, 'or')}," if names else ""


def _role(role: Role) -> str:
    return role.name.lower()


def _in_word(count: int) -> str:
    return _NUMBERS[count] if 0 <= count < len(_NUMBERS) else f"{count:,}"
