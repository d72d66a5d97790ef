"""What a batch does, in words: “close 11 issues as `not-planned`”."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import assert_never

from bot.core.actions.milestone import title_in
from bot.core.actions.spec import Form
from bot.core.actions.table import spec_of
from bot.core.command.syntax import format_action
from bot.core.model import Action, ItemKind, PlanItem
from bot.core.say.names import Names
from bot.core.world.markdown import code_span, escape_line, plural, some

_MOST = 3
_MOST_NAMED = 8
_WIDTH = 48


def deeds(items: Iterable[PlanItem]) -> str:
    """Return what is done to how many issues and pull requests."""
    groups = _groups(items)
    shown = [_deed(*group) for group in groups[:_MOST]]
    return some(shown, len(groups))


def deeds_in_short(items: Iterable[PlanItem]) -> str:
    """Return like ``deeds``, for a line that has other things to say as well."""
    groups = _groups(items)
    if len(groups) < 2:
        return "".join(_deed(*group) for group in groups)
    shown = [_said(action, str(len(its))) for action, its in groups[:_MOST]]
    return some(shown, len(groups))


def is_mixed(items: Iterable[PlanItem]) -> bool:
    """Return whether not the same is done to all."""
    return len({item.action for item in items}) > 1


def deed_of(item: PlanItem) -> str:
    """Return what is done to one of several, in a word or two."""
    words = " ".join(_said(item.action, "").split())
    return re.sub(r" (?:on|for|as|of)\Z", "", words.replace(" :", ":"))


def deeds_by_name(items: Iterable[PlanItem], names: Names) -> str:
    """Return what is done to which items, if they differ; else to how many."""
    groups = _groups(items)
    if len(groups) < 2:
        return "".join(_deed(*group) for group in groups)
    return "; ".join(
        _said(
            action,
            some([names.done_to(item.id) for item in its[:_MOST_NAMED]], len(its)),
        )
        for action, its in groups
    )


def _groups(items: Iterable[PlanItem]) -> list[tuple[Action, list[PlanItem]]]:
    found: dict[Action, list[PlanItem]] = {}
    for item in items:
        found.setdefault(item.action, []).append(item)
    return list(found.items())


def _deed(action: Action, items: Sequence[PlanItem]) -> str:
    pull = ItemKind.PULL_REQUEST
    kinds = {pull if item.opened_by else item.kind for item in items}
    if kinds == {ItemKind.ISSUE}:
        return _said(action, plural(len(items), "issue"))
    if kinds == {ItemKind.PULL_REQUEST}:
        return _said(action, plural(len(items), "pull request"))
    return _said(action, plural(len(items), "item"))


def _said(action: Action, what: str) -> str:
    """Return an action with *what* it is done to."""
    spec = spec_of(action)
    if spec is None or action.command:
        return f"run {code_span(action.name, _WIDTH)} on {what}"
    do = spec.words.do
    plain = do.replace("…", what) if "…" in do else f"{do} {what}"
    typed = format_action(replace(action, name=action.does)).partition(" ")[2]
    if not action.arguments:
        return plain
    match spec.arguments.form:
        case Form.NONE:
            return plain
        case Form.REVIEWERS:
            return f"ask {code_span(typed, _WIDTH)} for reviews of {what}"
        case Form.LABELS | Form.LOGINS:
            return f"{do} {what} {code_span(typed, _WIDTH)}"
        case Form.WORDS:
            return f"{do} {what} as {code_span(typed, _WIDTH)}"
        case Form.TEXT:
            return f"{do} {what}: “{escape_line(action.arguments[0], _WIDTH)}”"
        case Form.TITLE:
            title = title_in(action.arguments)
            into = f"put {what} into {code_span(title, _WIDTH)}"
            return into if title else f"take {what} out of any milestone"
        case Form.WORKFLOW:
            return f"{do} {code_span(typed, _WIDTH)} for {what}"
        case _:
            assert_never(spec.arguments.form)
