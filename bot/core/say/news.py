"""What happened to a batch, a line for each event."""

from typing import assert_never

from bot.core import events as e
from bot.core.durations import clock, spell
from bot.core.model import Cause, ItemId, Outcome
from bot.core.say.names import Names
from bot.core.say.sentences import by_whom, closed_as, result
from bot.core.say.start_times import starts
from bot.core.world.markdown import (
    code_span,
    escape_line,
    escape_prose,
    link,
    plural,
)

_WIDTH = 160
_CAUSES = {
    Cause.SUSPENDED: "because the app was suspended",
    Cause.REMOVED: "because the app lost its access to the repository",
    Cause.ARCHIVED: "because the repository was archived",
    Cause.TRANSFERRED: "because the repository has a new owner",
    Cause.THREAD_GONE: "because the thread it was asked for in is gone",
    Cause.ROLE_LOST: "because who started it may not run it any more",
}


def words_of(event: e.Event, names: Names) -> str:
    """Return what happened, as Markdown without the instant."""
    if isinstance(event, e.ItemEvent):
        name = names.link(event.item) if event.item in names.items else event.item
        return f"{name} {_of_item(event, names)}"
    if isinstance(event, e.OutsideSettled):
        how = "is done" if event.is_satisfied else "will not be done"
        return f"{names.links.reference(event.reference)}, outside, {how}"
    return _of_batch(event, names)


def _of_item(event: e.ItemEvent, names: Names) -> str:
    match event:
        case e.ItemResolved(opened=opened):
            return f"goes on with {names.links.item(opened.number)}"
        case e.ItemStarted(attempt=1):
            return "started"
        case e.ItemStarted(attempt=attempt):
            return f"started, attempt {attempt}"
        case e.ItemAccepted():
            return "is being brought to GitHub"
        case e.ItemParked(says=says):
            return f"waits for {escape_line(says, _WIDTH)}"
        case e.ItemUnparked():
            return "waits no more"
        case e.ItemRetrying(outcome=outcome, at=at, next_at=next_at):
            again = spell(max(next_at - at, next_at - next_at))
            return f"did not succeed: {_fault(outcome)}; next try after {again}"
        case e.ItemEnded(outcome=outcome) if outcome.is_success:
            return f"is done: {result(outcome, _WIDTH)}"
        case e.ItemEnded(outcome=outcome):
            return f"**failed**: {_fault(outcome)}"
        case e.ItemSkipped(because=because, opened_nothing=True) if because:
            return f"skipped, {names.links.reference(because)} opened no pull request"
        case e.ItemSkipped(because=because, ended=ended) if because:
            why = f", which was {closed_as(ended)}" if ended else ""
            return f"skipped, needs {names.links.reference(because)}{why}"
        case e.ItemSkipped(by=by):
            return f"skipped by {escape_line(by)}" if by else "skipped"
        case e.ItemCancelled(by=by):
            return f"cancelled by {escape_line(by)}" if by else "cancelled"
        case e.ItemReset(by=by):
            who = f"by {escape_line(by)}" if by else "by a restart of the bot"
            return f"put back {who}"
        case _:
            assert_never(event)


def _of_batch(event: e.BatchEvent, names: Names) -> str:
    match event:
        case e.BatchPlanned(at=at, starts_at=starts_at, zone=zone) if starts_at:
            return f"planned; it {starts(starts_at, zone, at)}"
        case e.BatchPlanned(at=at, expires_at=expires_at):
            return f"planned; it can be started until {clock(expires_at, at)}"
        case e.BatchStarted(by=by):
            return f"started by {escape_line(by)}"
        case e.BatchPaused(by=by, why="budget"):
            return "paused, its `budget:` is used up"
        case e.BatchPaused(by=by):
            return f"paused {by_whom(by)}"
        case e.BatchResumed(by=by):
            return f"resumed {by_whom(by)}" if by else "resumed"
        case e.BatchCancelling(by=by, cause=cause):
            return f"being cancelled {_CAUSES[cause] if cause else by_whom(by)}"
        case e.BatchFinished():
            return "every item has ended"
        case e.BatchRecovered():
            return "the bot was restarted; the batch goes on"
        case e.BudgetWaitStarted(at=at, until=until):
            return f"waits for the API budget until {clock(until, at)}"
        case e.BudgetWaitEnded():
            return "requests are there again"
        case e.TrackingCommented(url=url):
            return f"{link('the comment with its progress', url)} was posted"
        case e.CheckRunPlaced(head_sha=""):
            return "no check run shows it any more"
        case e.CheckRunPlaced(head_sha=head_sha):
            return f"shown as a check run on {code_span(head_sha[:7])}"
        case e.Reported(url=url):
            return f"{link('the report', url)} was posted"
        case e.BatchConcluded():
            return "all is said"
        case e.ControlGiven(by=by, touched=touched, stopping=stopping):
            items = list(dict.fromkeys((*touched, *stopping)))
            return f"a control by {escape_line(by)}{_for(items, names)}"
        case e.BatchEdited(by=by, change=change):
            more = f", {plural(len(change.items), 'item')} added"
            return f"changed by {escape_line(by)}{more if change.items else ''}"
        case e.BatchRetried(batch_id=batch_id):
            return f"what did not succeed runs again in {code_span(batch_id)}"
        case e.BatchUndone(batch_id=batch_id, items=items):
            return f"{names.list(items)} taken back by {code_span(batch_id)}"
        case e.RepositoryMoved(repository=repository):
            return f"the repository is called {escape_line(repository.name)} now"
        case e.RepositoryHidden():
            return "one of its repositories may not be shown here any more: no word of its items is from here on"
        case e.CommentsRedrawn():
            return "what had been written was written again without that"
        case _:
            assert_never(event)


def _for(items: list[ItemId], names: Names) -> str:
    known = [item for item in items if item in names.items]
    return f" for {names.list(known)}" if known else ""


def _fault(outcome: Outcome) -> str:
    return escape_prose(outcome.reason, _WIDTH) or "no reason was given"
