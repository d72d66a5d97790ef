"""Why something was not done, and what to do next: Markdown of one or two sentences.

Each ends with what was left as it was: nothing started, or nothing changed.
"""

from collections.abc import Iterable, Sequence

from bot.core.model import (
    BatchId,
    ItemFacts,
    Named,
    Origin,
    OutsideEdge,
    PlanItem,
    Reference,
    Role,
)
from bot.core.say.names import typed
from bot.core.say.sentences import closed_as
from bot.core.world.markdown import code_span, escape_prose, plural
from bot.errors import Problem

_MOST_WAITS = 5


def no_such_batch(batch_id: BatchId) -> str:
    """The repository has no batch of that name."""
    name = code_span(batch_id)
    return f"There is no batch {name} in this repository. Nothing changed."


def nowhere(batch_id: BatchId) -> str:
    """No repository has a batch of that name."""
    return f"There is no batch {code_span(batch_id)}. Nothing changed."


def not_installed_on(repository: str) -> str:
    """A repository is none that the app can see."""
    return f"The app is not installed on {code_span(repository)}, or there is no such repository."


def no_command() -> str:
    """What was given is no command that items can be planned from."""
    return "That is no command with items: write them as in a comment, `12 15 18 after:12`."


def no_control() -> str:
    """What the operator gave is no control of a batch."""
    return (
        "That is no control of a batch: give its id, such as `b7k2`, then numbers of"
        " items. Nothing changed."
    )


def sent_before() -> str:
    """A form of a page was sent a second time."""
    return "That was sent before, and is done once. Nothing else changed."


def waits_its_turn(batch_id: BatchId) -> str:
    """A control of the operator is kept, and something else is dealt with first."""
    return (
        "That is kept and waits for what was asked before it in the same repository."
        f" It is done by itself; look at `batch-bot show {batch_id}` to see that it was."
    )


def waits_for(batch_id: BatchId, why: str) -> str:
    """A control of the operator is kept, and is tried again."""
    return (
        f"That is kept and waits: {escape_prose(why)}. It is tried again for an hour,"
        " then given up with a line in the log; look at"
        f" `batch-bot show {batch_id}` to see whether it was done."
    )


def which_batch(batches: Sequence[BatchId]) -> str:
    """A control named no batch, and the thread has none or several live ones."""
    if not batches:
        return (
            "There is no live batch in this thread. Give the id of another one, such as"
            " `b7k2`; `/batch status` lists them. Nothing changed."
        )
    names = ", ".join(code_span(batch) for batch in batches)
    return (
        f"There are {len(batches)} live batches in this thread: {names}. Say which one."
        " Nothing changed."
    )


def which_plan() -> str:
    """A start named no plan, and the thread has none or several."""
    return (
        "There is not exactly one plan here that waits for its start. Give its"
        " id: `/batch start b7k2`."
    )


def not_unfinished(names: Sequence[Named]) -> str:
    """No live batch has one of the items to do."""
    named = " or ".join(map(typed, names))
    return f"No live batch has {named} unfinished. Nothing changed."


def in_different_batches(live: Iterable[tuple[Named, BatchId]]) -> str:
    """Items that were named together are to do in batches apart."""
    where = (f"{typed(name)} is in {code_span(batch)}" for name, batch in live)
    return f"{', '.join(where)}: name those of one batch. Nothing changed."


def not_added(batch_id: BatchId, why: str) -> str:
    """A batch takes no items any more."""
    return f"Nothing was added to batch {code_span(batch_id)}: {why}."


def for_the_whole(options: int) -> str:
    """Options that items cannot have were typed for what is added."""
    it, is_ = ("it", "is") if options == 1 else ("them", "are")
    return (
        f"`concurrency:`, `on-failure:` and `budget:` {is_} for the whole batch: leave"
        f" {it} out. `/batch concurrency 5` changes how many items run at a time."
    )


def too_many_added(there: int, more: int, limit: int) -> str:
    """A batch would have more items than the repository allows."""
    return (
        f"The batch has {plural(there, 'item')} and would have {there + more}; the limit"
        f" is {limit}. Give a command of its own for the rest."
    )


def unasked(count: int) -> str:
    """What is added would wait for a start box as a batch of its own."""
    return (
        f"That is {plural(count, 'item')}, which do not start unasked: give a command of"
        " its own for them, with a plan to start."
    )


def starter_may_not(login: str, why: str) -> str:
    """What is added is of another repository, where whoever started the batch may not."""
    return (
        f"The batch runs for {escape_prose(login)}, of whom it is asked: {why}. Give a"
        " command of your own for it."
    )


def starter_needs(login: str, needed: Role) -> str:
    """What is added needs more of whoever started the batch."""
    return (
        f"The batch runs for {escape_prose(login)}, who alone can add what needs"
        f" **{needed.name.lower()}** access. Give a command of your own for it."
    )


def in_no_batch(name: Named) -> str:
    """No batch, live or ended, has the item."""
    return f"No batch of this repository has {typed(name)}."


def started_before(batch_id: BatchId, url: str, *, is_over: bool) -> str:
    """What is to be started runs or has ended."""
    link = f": [progress]({url})" if url else ""
    done = "has ended" if is_over else "is running already"
    return f"Batch {code_span(batch_id)} {done}{link}. Nothing more was started."


def archived() -> str:
    """The repository takes no changes."""
    return "The repository is archived. Nothing started."


def plan_expired(batch_id: BatchId) -> str:
    """The plan was made too long ago."""
    return (
        f"The plan {code_span(batch_id)} is no longer valid. Give the command again to"
        " get a new one. Nothing started."
    )


def was_dropped(batch_id: BatchId) -> str:
    """The plan was cancelled before its time."""
    return (
        f"Batch {code_span(batch_id)} was cancelled before it started. Give the command"
        " again to get a new one. Nothing started."
    )


def busy(items: Sequence[tuple[str, BatchId]], *, is_retry: bool = False) -> str:
    """Items of a plan, or of what is to be retried, are live in other batches."""
    some, verb = ("Some of it", "is") if is_retry else ("Some of its items", "are")
    named = ", ".join(f"{item} in {code_span(batch)}" for item, batch in items)
    return f"{some} {verb} live in another batch: {named}. Nothing started."


def never_started(batch_id: BatchId) -> str:
    """What is to be retried is only a plan."""
    return f"Batch {code_span(batch_id)} was never started. Nothing started."


def needs_role(needed: Role) -> str:
    """Who asks may not do again what the batch did."""
    return f"That needs **{needed.name.lower()}** access. Nothing started."


def all_succeeded(batch_id: BatchId) -> str:
    """There is nothing to retry."""
    return f"Everything in batch {code_span(batch_id)} succeeded. Nothing started."


def nothing_to_undo(batch_id: BatchId) -> str:
    """Nothing of it can be taken back, or all of that was."""
    return (
        f"Nothing that batch {code_span(batch_id)} did can be taken back, or it was"
        " already. Nothing started."
    )


def still_runs() -> str:
    """What a live batch does is not taken back."""
    return "it still runs; what it did can be taken back once it has ended"


def none_found() -> str:
    """What is to be retried is no longer on GitHub."""
    return "None of these items can be found any more. Nothing started."


def same_command(link: str) -> str:
    """The same person gave the same command a moment ago; *link* leads to its batch."""
    return (
        f"You gave this command a moment ago: batch {link} is already there. Nothing"
        " more was started."
    )


def same_plan(link: str) -> str:
    """The same person asked for the same plan a moment ago, and *link* leads to it."""
    return f"You asked for this a moment ago: it is batch {link}. Nothing more was started."


def unseen(references: Sequence[Reference]) -> str:
    """Items of other repositories, waited for, that the app has no access to."""
    named = ", ".join(code_span(str(reference)) for reference in references)
    return (
        f"I cannot see {named}, so nothing could ever tell me that it is done. Leave it"
        " out, or install me there."
    )


def never_done(
    waits: Sequence[tuple[PlanItem, ItemFacts, OutsideEdge]], home: str
) -> str:
    """Items wait for something that has ended, and not in a way that they wait for."""
    said = []
    for item, facts, edge in waits[:_MOST_WAITS]:
        away = edge.predecessor.repository != home
        name = code_span(str(edge.predecessor)) if away else f"#{facts.number}"
        where = {
            Origin.TYPED: "`after:`",
            Origin.NATIVE: "“blocked by” on GitHub",
            Origin.TEXT: "“depends on” in its text",
            Origin.STACK: "its base branch",
            Origin.OPENED: "its pull request",
        }[edge.origin]
        said.append(
            f"{_shown(item, home)} waits for {name} ({where}), which was {_closed(facts)}."
        )
    if len(waits) > _MOST_WAITS:
        said.append(f"So it is with {len(waits) - _MOST_WAITS} more.")
    verb = "it" if len(waits) == 1 else "they"
    return f"{' '.join(said)} So {verb} could never start, and nothing started."


def _shown(item: PlanItem, home: str) -> str:
    if item.repository.name == home:
        return f"#{item.number}"
    return code_span(f"{item.repository.name}#{item.number}")


def _closed(facts: ItemFacts) -> str:
    return closed_as(facts.ended) or "closed otherwise than as completed"


def went_wrong(problem: Problem) -> str:
    """Something failed on the way; its words may be those of others."""
    said = f"That did not work: {str(problem).rstrip('.')}. {problem.advice}"
    return f"{escape_prose(said.rstrip())} Nothing more was started."


def in_line(line: str, message: str) -> str:
    """What is wrong with one of several commands."""
    return f"{code_span(line)}: {message}"


def given_up(why: str, *, is_begun: bool) -> str:
    """A command was not dealt with for too long."""
    nothing = "nothing more was started" if is_begun else "nothing was started"
    again = "what is missing" if is_begun else "the command"
    return f"{why}, so {nothing}. Give {again} again."


def no_answer_for_an_hour() -> str:
    """Why a command was given up: see ``given_up``."""
    return "GitHub did not answer me for an hour"


def stopped_by_a_bug(error: str) -> str:
    """Why a command was given up: see ``given_up``. *error* names a kind of error."""
    return f"A bug in me stopped that ({error}; my log has the details)"


def withdrawn(by: str) -> str:
    """A command was taken back while it waited for GitHub."""
    return (
        f"{escape_prose(by)} cancelled here before GitHub let me start this, so nothing"
        " was started."
    )


def edited() -> str:
    """A comment says something else by the time that the bot comes to it."""
    return (
        "The command in this comment was changed before I came to it, so nothing was"
        " started. Give it again in a new comment."
    )


def comes_late(age: str) -> str:
    """A command was not heard when it was written."""
    return f"This command was written {age} before I came to it."
