"""What the bot does itself through GitHub's API: labels, people, states, comments."""

from collections.abc import Callable

from bot.core.command.vocabulary import BUILTIN_ACTIONS
from bot.core.effects import (
    ChangeAssignees,
    ChangeLabels,
    ChangeState,
    CreateComment,
    Intent,
    Receipt,
)
from bot.core.model import Action, AttemptId, ItemKind, Link, Outcome, OutcomeKind
from bot.core.world.markdown import code_span, join
from bot.errors import Lost, PermanentError
from bot.ports.work import AttemptSpec, Emit, Perform, Work

ACTIONS = frozenset({"label", "assign", "close", "reopen", "comment"})
"""The actions that this runner can do."""

COMMENT_KIND = "comment"
"""The kind in the marker of a comment that ``comment`` posts."""


class BuiltinRunner:
    """Each action is one effect, carried out when the attempt is published.

    *marker* makes the first line of a comment from a kind and a name.
    """

    name = "builtin"
    needs_workspace = False
    survives_restart = False

    def __init__(self, *, marker: Callable[[str, str], str]) -> None:
        self._marker = marker
        self._attempts: set[AttemptId] = set()

    def is_meant_by(self, action: Action) -> bool:
        """Return whether it is a built-in action that needs no command."""
        name = _builtin_name(action)
        return name in BUILTIN_ACTIONS and name not in ("implement", "review")

    def why_not(self, action: Action, kind: ItemKind) -> str:
        """Return why it cannot do *action*; empty if it can, to items of any kind."""
        if _builtin_name(action) in ACTIONS:
            return ""
        return f"This server cannot do {code_span(action.name)} yet: leave it out."

    async def submit(self, spec: AttemptSpec) -> str:
        """Return the attempt's own id; there is nothing to begin."""
        self._attempts.add(spec.id)
        return spec.id

    async def find(self, attempt: AttemptId) -> str | None:
        """Return the id of an attempt that was submitted since the start, or None."""
        return attempt if attempt in self._attempts else None

    async def watch(self, spec: AttemptSpec, emit: Emit) -> Work | Outcome:
        """Return at once: the work is to publish."""
        if spec.id not in self._attempts:
            message = f"attempt {spec.id} was not submitted"
            raise Lost(message)
        return Work("")

    async def publish(self, spec: AttemptSpec, work: Work, perform: Perform) -> Outcome:
        """Carry the action out and say truly what it changed."""
        intent = self._intent(spec)
        name = _builtin_name(spec.item.action)
        return _outcome(intent, await perform(name, intent))

    async def cancel(self, attempt: AttemptId) -> None:
        """Forget the attempt; nothing of it runs."""
        self._attempts.discard(attempt)

    async def clean(self, attempt: AttemptId) -> None:
        """Forget the attempt; nothing of it is on this machine."""
        self._attempts.discard(attempt)

    def _intent(self, spec: AttemptSpec) -> Intent:
        action, number, repository = spec.item.action, spec.item.number, spec.repository
        match _builtin_name(action):
            case "label":
                add, remove = _signed(action.arguments)
                return ChangeLabels(repository, number, add, remove)
            case "assign":
                add, remove = _signed(action.arguments)
                return ChangeAssignees(repository, number, add, remove)
            case "comment":
                # The name is the item's, not the attempt's: a later attempt finds the
                # comment of an earlier one.
                name = f"{spec.batch_id}-{spec.item.id}"
                marker = self._marker(COMMENT_KIND, name)
                body = f"{marker}\n{' '.join(action.arguments)}"
                return CreateComment(repository, number, marker, body)
            case "close" | "reopen" as name:
                is_pull_request = spec.item.kind is ItemKind.PULL_REQUEST
                is_open = name == "reopen"
                reason = "" if is_open or is_pull_request else _reason(action)
                return ChangeState(repository, number, is_open, is_pull_request, reason)
            case name:
                message = f"this server cannot do {name} yet"
                raise PermanentError(message)


def _outcome(intent: Intent, receipt: Receipt) -> Outcome:
    if receipt.note and not receipt.changed:
        advice = "Only people with access to the repository can be assigned."
        return Outcome(OutcomeKind.FAILED, reason=receipt.note, advice=advice)
    if isinstance(intent, CreateComment):
        link = Link("comment", receipt.url) if receipt.url else None
        summary = "" if link else "commented"
        return Outcome(OutcomeKind.COMPLETED, summary=summary, link=link)
    if not receipt.changed and receipt.was_tried:
        summary = f"{_done(intent)}, probably by a try that got no answer"
        return Outcome(OutcomeKind.COMPLETED, summary=summary)
    if not receipt.changed:
        return Outcome(OutcomeKind.UNCHANGED, summary=_already(intent))
    done = f"assigned in part: {receipt.note}" if receipt.note else _done(intent)
    return Outcome(OutcomeKind.COMPLETED, summary=done)


def _done(intent: Intent) -> str:
    match intent:
        case ChangeLabels(add=add, remove=remove):
            return _both("labelled", add, "took off", remove)
        case ChangeAssignees(add=add, remove=remove):
            return _both("assigned", add, "unassigned", remove)
        case ChangeState(is_open=True):
            return "reopened"
        case ChangeState(reason="not_planned"):
            return "closed as not planned"
        case _:
            return "closed"


def _already(intent: Intent) -> str:
    match intent:
        case ChangeLabels(add=add):
            return "was labelled so already" if add else "had no such label"
        case ChangeAssignees(add=add):
            return "was assigned so already" if add else "was not assigned"
        case ChangeState(is_open=is_open):
            return f"was {'open' if is_open else 'closed'} already"
        case _:
            return ""


def _both(plus: str, add: tuple[str, ...], minus: str, remove: tuple[str, ...]) -> str:
    parts = [
        f"{word} {join([f'`{name}`' for name in names])}"
        for word, names in ((plus, add), (minus, remove))
        if names
    ]
    return "; ".join(parts)


def _builtin_name(action: Action) -> str:
    """Return the built-in action meant; nothing if a command stands behind it."""
    return "" if action.command else action.uses or action.name


def _signed(arguments: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    add = tuple(word.removeprefix("+") for word in arguments if word[:1] != "-")
    remove = tuple(word[1:] for word in arguments if word[:1] == "-")
    return add, remove


def _reason(action: Action) -> str:
    return "not_planned" if "not-planned" in action.arguments else "completed"
