"""The sentences that several comments share: reasons, results, how a command was read."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import assert_never

from bot.core.durations import clock, spell
from bot.core.model import (
    Cause,
    ItemId,
    ItemState,
    Origin,
    Outcome,
    OutcomeKind,
    Plan,
)
from bot.core.run import reasons as why
from bot.core.run.progress import ItemView, Progress
from bot.core.say.names import Names
from bot.core.say.start_times import starts
from bot.core.world.markdown import (
    Links,
    code_span,
    escape_line,
    escape_prose,
    join,
    link,
    plural,
    some,
)

_MOST_READ = 6
"""Groups of items that the plan line spells out."""


def reason_sentence(reason: why.Reason, names: Names, now: datetime) -> str:
    """Return why a pending item is not running, to follow its number and a dash."""
    match reason:
        case why.WaitsFor(items=items):
            return f"waits for {names.list(items, 3)}"
        case why.WaitsOutside(references=references):
            shown = [names.links.reference(one) for one in references[:3]]
            if len(references) > 3:
                shown.append(f"{len(references) - 3} more")
            return f"waits for {join(shown)}, outside this batch"
        case why.NoFreeSlot(busy=busy, total=total, whose=whose):
            where = {
                "installation": " of this installation",
                "host": " on the bot's machine",
            }
            return f"next free slot{where.get(whose, '')} ({busy} of {total} busy)"
        case why.WaitsForMachine(command=command):
            return f"waits for a machine of the pool that runs {code_span(command)}"
        case why.WaitsForGitHub(outage=outage):
            ails = "refuses the app (401)" if outage.is_refusal else "does not answer"
            return f"waits for GitHub, which {ails} since {clock(outage.since, now)}"
        case why.WaitsForGit(since=since):
            return f"waits for git, which has failed since {clock(since, now)}"
        case why.WaitsForBudget(until=until):
            when = f" until {clock(until, now)}" if until else ""
            return f"waits for the API budget{when}"
        case why.OverBatchBudget(used=used, allowed=allowed):
            option = code_span(f"budget:{allowed}")
            return f"the batch has used {plural(used, 'request')}, {option} ends here"
        case why.LowMemory(used_fraction=used_fraction):
            return f"waits for memory on the bot's machine ({used_fraction:.0%} used)"
        case why.IsPaused(by=by):
            return f"paused {by_whom(by)}"
        case why.NextTry(at=at):
            return f"next try {until_then(at, now)}"
        case why.NotStarted(starts_at, zone):
            if starts_at is not None and starts_at > now:
                return starts(starts_at, zone, now)
            return "waits for the start box"
        case why.BotStopping():
            return "the bot is being restarted, then goes on"
        case why.IsNext():
            return "starts in a moment"
        case _:
            assert_never(reason)


def by_whom(login: str) -> str:
    """Return who paused or stopped a batch; empty is the option ``on-failure``."""
    return f"by {escape_line(login)}" if login else "after a failure"


def ended_because(progress: Progress) -> str:
    """Return by whom, or why, a batch was cancelled, to follow that word."""
    if progress.cause is None:
        return by_whom(progress.by)
    who = escape_line(progress.started_by or progress.batch.asker.login)
    return f"because {what_happened(progress.cause, 'the repository', who)}"


def what_happened(cause: Cause, repository: str, starter: str) -> str:
    """Return what ends a batch, or its items of a repository, as a sentence without its
    full stop.
    """
    match cause:
        case Cause.SUSPENDED:
            return "the app was suspended"
        case Cause.REMOVED:
            return f"the app lost its access to {repository}"
        case Cause.ARCHIVED:
            return f"{repository} was archived"
        case Cause.TRANSFERRED:
            return f"{repository} has a new owner"
        case Cause.THREAD_GONE:
            return "the thread it was asked for in is gone"
        case Cause.HIDDEN:
            return f"{repository} may not be shown here any more"
        case Cause.ROLE_LOST:
            return f"{starter} may not run it any more"
        case _:
            assert_never(cause)


def until_then(at: datetime, now: datetime) -> str:
    """Return ``in 40s``, or ``now`` for what is due."""
    return f"in {spell(at - now)}" if at > now else "now"


def tries(view: ItemView) -> str:
    """Return ``try 2 of 3`` for the present or last try."""
    return f"try {max(1, view.tries)} of {max(view.item.retries + 1, view.tries)}"


def result(outcome: Outcome, width: int) -> str:
    """Return what a successful item came to."""
    summary = escape_prose(outcome.summary, width)
    if outcome.kind is OutcomeKind.UNCHANGED:
        summary = f"no change needed: {summary}" if summary else "no change needed"
    linked = link(outcome.link.text, outcome.link.url) if outcome.link else ""
    return ": ".join(part for part in (linked, summary) if part) or "done"


def fault(view: ItemView, width: int) -> str:
    """Return why an attempt did not succeed."""
    reason = view.outcome.reason if view.outcome else ""
    untold = "no reason was given"
    if view.is_hidden:
        untold = "what became of it may not be shown here"
    return escape_prose(reason, width) or untold


def place(view: ItemView) -> str:
    """Return where one sees why an attempt did not succeed, to follow that; or nothing."""
    found = view.outcome.link if view.outcome else None
    return f" · {link(escape_line(found.text, 60), found.url)}" if found else ""


def skip_sentence(view: ItemView, links: Links) -> str:
    """Return why an item was skipped, to follow the word."""
    if view.skipped_because is not None and view.opened_nothing:
        return f"{links.reference(view.skipped_because)} opened no pull request"
    if view.skipped_because is not None:
        why = closed_as(view.ended)
        needed = links.reference(view.skipped_because)
        return f"needs {needed}, which was {why}" if why else f"needs {needed}"
    return f"by {escape_line(view.by)}" if view.by else "not needed"


def closed_as(ended: str) -> str:
    """Return how something ended that was to be completed: see ``ItemFacts.ended``."""
    match ended:
        case "unmerged":
            return "closed without being merged"
        case "not_planned":
            return "closed as not planned"
        case "duplicate":
            return "closed as a duplicate"
        case _:
            return ""


def origin_sentence(origin: Origin, predecessor: str) -> str:
    """Return where an edge comes from; *predecessor* is a number or link."""
    match origin:
        case Origin.TYPED:
            return "`after:` in your command"
        case Origin.NATIVE:
            return f"“blocked by {predecessor}” in its relationships"
        case Origin.TEXT:
            return f"“depends on {predecessor}” in its text"
        case Origin.STACK:
            return f"its branch is based on that of {predecessor}"
        case Origin.OPENED:
            return f"it is about the pull request that {predecessor} opens"
        case _:
            assert_never(origin)


_ORIGIN_WORDS = {
    Origin.TYPED: "",
    Origin.NATIVE: " (“blocked by” on GitHub)",
    Origin.TEXT: " (“depends on” in its text)",
    Origin.STACK: " (stacked pull requests)",
    Origin.OPENED: ", which opens its pull request",
}


def read_as(
    plan: Plan, links: Links, *, when: str = "now", only: Collection[ItemId] = ()
) -> str:
    """Return how the command was read: “#12 and #15 start now; #18 waits for #12”.

    Of a plan that was added to, *only* the new items. Items that wait for the same others are named together; *when* follows the first.
    """
    names = Names.of(plan.items, links)
    meant = [item.id for item in plan.items if not only or item.id in only]
    waits = {item: said for item, said in _waits(plan, names).items() if item in meant}
    free = [item for item in meant if item not in waits]
    parts = []
    if free:
        verb = "starts" if len(free) == 1 else "start"
        at_a_time = plan.options.concurrency
        limit = f", {at_a_time} at a time" if len(free) > at_a_time else ""
        parts.append(f"{names.list(free)} {verb} {when}{limit}")
    groups: dict[str, list[ItemId]] = {}
    for item, sentence in waits.items():
        groups.setdefault(sentence, []).append(item)
    for sentence, items in list(groups.items())[:_MOST_READ]:
        verb = "waits" if len(items) == 1 else "wait"
        parts.append(f"{names.list(items)} {verb} for {sentence}")
    if more := sum(map(len, list(groups.values())[_MOST_READ:])):
        parts.append(f"{plural(more, 'more waits', 'more wait')} for others")
    return "; ".join(parts)


def _waits(plan: Plan, names: Names) -> Mapping[ItemId, str]:
    """Return for whom an item waits, per item that does, with the origins."""
    found: dict[ItemId, dict[Origin, list[str]]] = {}
    for edge in plan.edges:
        by_origin = found.setdefault(edge.successor, {})
        by_origin.setdefault(edge.origin, []).append(names.link(edge.predecessor))
    for outer in plan.outside:
        by_origin = found.setdefault(outer.successor, {})
        words = (
            f"{names.links.reference(outer.predecessor)}, which is outside this batch"
        )
        by_origin.setdefault(outer.origin, []).append(words)
    in_order = [item.id for item in plan.items if item.id in found]
    return {
        item: join(
            [
                f"{some(before[:3], len(before))}{_ORIGIN_WORDS[origin]}"
                for origin, before in found[item].items()
            ]
        )
        for item in in_order
    }


def is_unfinished(view: ItemView) -> bool:
    """Return whether something still happens to the item."""
    return not view.state.is_final


def did_not_succeed(view: ItemView) -> bool:
    """Return whether the item ended and a retry could run it."""
    has_failed = view.state.is_final and view.state is not ItemState.COMPLETED
    return has_failed and not view.opened_nothing
