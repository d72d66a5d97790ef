"""Batches in the situations that people see, made of events as the bot records them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.core import events as e
from bot.core.model import (
    Action,
    Asker,
    Batch,
    BatchId,
    Comment,
    CommentKind,
    Edge,
    InstallationId,
    ItemId,
    ItemKind,
    ItemNumber,
    Labelled,
    Link,
    Mark,
    Options,
    Origin,
    Outcome,
    OutcomeKind,
    OutsideEdge,
    Plan,
    PlanItem,
    Reference,
    Repository,
    Request,
)
from bot.core.run import reasons as why
from bot.core.run.progress import Progress, fold
from bot.core.say.situation import BudgetView, Situation

NOW = datetime(2025, 11, 10, 15, 31, tzinfo=UTC)
START = NOW - timedelta(minutes=14, seconds=20)
ACME = Repository(1, "acme/widgets", InstallationId(7))
THREAD = "https://github.com/acme/widgets/issues/40"
TITLES = {
    12: "Parser drops the trailing comma in tuples",
    15: "Add `--json` to the report command",
    18: "Speed up the tokenizer by caching lookups",
    19: "Wrong exit code when the config is missing",
    20: "Document the new plugin hooks",
    21: "Unify path handling on Windows",
    22: "Windows: long paths in the cache directory",
    23: "Deprecate the old loader",
    24: "Remove the old loader",
    61: "Bump the minimum Python to 3.11",
    63: "Cache the parsed config",
    64: "Refactor the CLI entry points",
}
PULL_REQUESTS = {61: "update", 63: "review", 64: "review"}


def number(value: int) -> ItemNumber:
    return ItemNumber(value)


def item(value: int) -> ItemId:
    return ItemId(str(value))


def plan_item(value: int, title: str, action: str = "implement") -> PlanItem:
    is_issue = action == "implement"
    return PlanItem(
        id=item(value),
        repository=ACME,
        number=number(value),
        kind=ItemKind.ISSUE if is_issue else ItemKind.PULL_REQUEST,
        action=Action(action),
        worker="local" if action == "implement" else "",
        title=title,
    )


def plan_of_twelve() -> Plan:
    return Plan(
        items=tuple(
            plan_item(value, title, PULL_REQUESTS.get(value, "implement"))
            for value, title in TITLES.items()
        ),
        edges=(
            Edge(item(18), item(12), Origin.TYPED),
            Edge(item(20), item(18), Origin.NATIVE),
            Edge(item(22), item(21), Origin.TYPED),
            Edge(item(24), item(23), Origin.TYPED),
        ),
    )


def batch_of(plan: Plan, name: str = "b7k2", *, login: str = "ada") -> Batch:
    return Batch(
        id=BatchId(name),
        request=Request(
            repository=ACME,
            thread=number(40),
            thread_is_pull_request=False,
            asker=Asker(login, f"{THREAD}#issuecomment-991"),
            origin=Comment(991, CommentKind.ISSUE),
        ),
        default_branch="main",
        command=(
            "/batch 12 15 18 after:12 19 20 21 22 after:21 23 24 after:23 update:61"
            " review:63 review:64 concurrency:3"
        ),
        created_at=START,
        plan=plan,
    )


def minutes(value: float) -> timedelta:
    return timedelta(minutes=value)


def done(
    value: int, seconds: float, outcome: Outcome, *, at: timedelta, requests: int = 40
) -> list[e.Event]:
    """Return the events of an item that succeeds at its first try, begun at *at*."""
    begin = START + at
    end = begin + timedelta(seconds=seconds)
    return [
        e.ItemStarted(begin, item(value), 1),
        e.ItemEnded(end, item(value), 1, outcome, requests),
    ]


def pull_request(value: int) -> Outcome:
    link = Link(f"PR {value}", f"https://github.com/acme/widgets/pull/{value}")
    return Outcome(OutcomeKind.COMPLETED, link=link, isolation="bubblewrap")


CONFLICT = Outcome(
    OutcomeKind.FAILED,
    reason="merge conflict in `paths.py`",
    advice="Bring the branch up to date with `main` first.",
    log_tail=(
        "$ git merge --no-edit main",
        "CONFLICT (content): Merge conflict in paths.py",
        "Automatic merge failed; fix conflicts and then commit the result.",
    ),
    isolation="bubblewrap",
)
BAD_GATEWAY = Outcome(OutcomeKind.TRANSIENT, reason="`502 Bad Gateway`")
REVIEW = Outcome(
    OutcomeKind.COMPLETED,
    summary="3 comments, changes requested",
    link=Link("review", "https://github.com/acme/widgets/pull/63#pullrequestreview-1"),
)
REBASED = Outcome(OutcomeKind.COMPLETED, summary="rebased, checks green")


def events_until_now() -> list[e.News]:
    """Return the batch of twelve after 14 minutes: 7 finished, one of them failed."""
    n = number
    second = timedelta(seconds=1)
    failing: list[e.Event] = []
    for attempt in (1, 2):
        begin = START + minutes(5 + attempt)
        failing.append(e.ItemStarted(begin, item(21), attempt))
        failing.append(
            e.ItemRetrying(begin + 20 * second, item(21), attempt, CONFLICT, begin)
        )
    return [
        e.BatchStarted(START, "ada"),
        e.TrackingCommented(START, 992, f"{THREAD}#issuecomment-992"),
        *done(12, 252, pull_request(71), at=minutes(0)),
        *done(15, 400, pull_request(72), at=minutes(0)),
        *done(23, 211, pull_request(73), at=minutes(0)),
        *done(61, 122, REBASED, at=minutes(4)),
        *done(63, 79, REVIEW, at=minutes(5)),
        *failing,
        e.ItemStarted(START + minutes(8), item(21), 3),
        e.ItemEnded(START + minutes(9), item(21), 3, CONFLICT, 30),
        e.ItemSkipped(START + minutes(9), item(22), Reference(ACME.name, n(21))),
        e.ItemStarted(NOW - 125 * second, item(18), 1),
        e.ItemProgressed(NOW - 60 * second, item(18), 1, "step 3 of 5, tests"),
        e.ItemStarted(NOW - 48 * second, item(24), 1),
        e.ItemProgressed(NOW - 30 * second, item(24), 1, "step 1 of 5, checkout"),
        e.ItemStarted(NOW - 90 * second, item(19), 1),
        e.ItemRetrying(NOW - 20 * second, item(19), 1, BAD_GATEWAY, NOW + 40 * second),
    ]


def running(*more: e.News, plan: Plan | None = None) -> Progress:
    return fold(batch_of(plan or plan_of_twelve()), [*events_until_now(), *more])


def labelled(progress: Progress) -> Progress:
    """Return a batch that labels began, not a comment."""
    marks = (
        Mark(number(40), "batch", "guid-1", START, tuple(map(number, (12, 15, 18)))),
        Mark(number(19), "batch", "guid-2", START, (number(19),)),
        Mark(number(63), "batch: review", "guid-3", START, (number(63),), "review"),
    )
    batch = progress.batch
    progress.batch = replace(
        batch, request=replace(batch.request, origin=Labelled(marks))
    )
    return progress


def all_at_rest() -> list[e.Event]:
    """Return what ends the running items of ``running``."""
    return [
        e.ItemEnded(NOW, item(18), 1, pull_request(74), 40),
        e.ItemEnded(NOW, item(24), 1, pull_request(75), 40),
        e.ItemStarted(NOW, item(19), 2),
        e.ItemEnded(NOW + minutes(2), item(19), 2, pull_request(76), 40),
    ]


def finished() -> Progress:
    end = NOW + minutes(6)
    unchanged = Outcome(OutcomeKind.UNCHANGED, summary="the hooks are documented")
    one_comment = replace(REVIEW, summary="1 comment, approved")
    return running(
        *all_at_rest(),
        *done(20, 210, unchanged, at=minutes(15)),
        *done(64, 95, one_comment, at=minutes(15)),
        e.BatchFinished(end),
    )


def changed() -> Progress:
    """Return a batch that changed what can be taken back, and one of it was."""
    close, reopen = Action("close"), Action("reopen")
    label = Action("label", ("+bug", "-triage"))
    plan = Plan(
        items=(
            replace(plan_item(12, "Handle tabs"), action=close, worker=""),
            replace(plan_item(15, "Drop Python 3.8"), action=close, worker=""),
            replace(plan_item(18, "Add hooks"), action=label, worker=""),
            replace(plan_item(19, "Fix the cache"), action=close, worker=""),
        )
    )
    closed = Outcome(OutcomeKind.COMPLETED, summary="closed", undo=reopen)
    undo = Action("label", ("-bug", "+triage"))
    labelled = Outcome(OutcomeKind.COMPLETED, summary="labelled `bug`", undo=undo)
    already = Outcome(OutcomeKind.UNCHANGED, summary="was closed already")
    outcomes = {12: closed, 15: closed, 18: labelled, 19: already}
    ends = [
        event
        for value, outcome in outcomes.items()
        for event in done(value, 2, outcome, at=minutes(0), requests=2)
    ]
    news = [
        e.BatchStarted(START, "ada"),
        e.TrackingCommented(START, 1002, f"{THREAD}#issuecomment-1002"),
        *ends,
        e.BatchFinished(START + minutes(1)),
        e.Reported(START + minutes(1), 1003, f"{THREAD}#issuecomment-1003"),
        e.BatchUndone(NOW, BatchId("c8m3"), (item(12),)),
    ]
    return fold(batch_of(plan), news)


REASONS: dict[ItemId, why.Reason] = {
    item(19): why.NextTry(NOW + timedelta(seconds=40)),
    item(20): why.WaitsFor((item(18),)),
    item(64): why.NoFreeSlot(3, 3),
}


BUDGET = BudgetView(3412, 5000, datetime(2025, 11, 10, 15, 58, tzinfo=UTC), 500)


def situation(**changes: object) -> Situation:
    """Return the usual situation, with *changes*."""
    usual = Situation(
        now=NOW,
        marker_key=b"golden",
        reasons=REASONS,
        seconds_left=660,
        budget=BUDGET,
        used_requests=488,
        needed_requests=410,
        slots_busy=2,
        slots_total=3,
        web_url="https://batch.acme.dev",
        isolation="bubblewrap",
    )
    return replace(usual, **changes)  # type: ignore[arg-type] # fields by name


VERBS = ["Fix", "Add", "Remove", "Test", "Document", "Refactor", "Speed up"]
THINGS = ["tokenizer cache", "JSON report", "plugin hooks", "config loader", "CLI"]


def large_plan(size: int = 150, first: int = 100) -> Plan:
    actions = ["implement", "implement", "update", "review"]
    items = [
        plan_item(
            first + place,
            f"{VERBS[place % 7]} the {THINGS[place % 5]} ({place})",
            actions[place % 4],
        )
        for place in range(size)
    ]
    edges = [
        Edge(item(value + 1), item(value), Origin.TYPED)
        for value in (112, 138, 182, 230)
    ]
    return Plan(tuple(items), tuple(edges), options=Options(concurrency=4))


def large_events(plan: Plan, ended: int) -> Sequence[e.Event]:
    """Return the events of a large batch of which *ended* items have ended."""
    begin = NOW - timedelta(hours=2, minutes=4)
    events: list[e.Event] = [e.BatchStarted(begin, "ada")]
    reasons = ["merge conflict in `src/paths.py`", "timed out after 30m"]
    skipped = {edge.successor: edge.predecessor for edge in plan.edges}
    for place, planned in enumerate(plan.items[:ended]):
        n, at = planned.id, begin + timedelta(seconds=45 * place)
        if n in skipped:
            cause = Reference(ACME.name, ItemNumber(int(skipped[n])))
            events.append(e.ItemSkipped(at, n, cause))
            continue
        events.append(e.ItemStarted(at, n, 1))
        end = at + timedelta(seconds=90 + 37 * place % 700)
        if n in skipped.values() or n == "201":
            bad = Outcome(
                OutcomeKind.FAILED,
                reason=reasons[place % 2],
                retry_helps=bool(place % 2),
                log_tail=("$ python -m pytest -q", "1 failed, 417 passed in 38.2s"),
            )
            events.append(e.ItemEnded(end, n, 1, bad, 20))
        else:
            events.append(e.ItemEnded(end, n, 1, large_outcome(planned, place), 24))
    return events


def large_outcome(planned: PlanItem, place: int) -> Outcome:
    match planned.action.name:
        case "implement":
            return pull_request(300 + planned.number)
        case "update":
            return REBASED
        case _:
            count = place % 5
            noun = "comment" if count == 1 else "comments"
            return replace(REVIEW, summary=f"{count} {noun}")


def large_running() -> tuple[Progress, dict[ItemId, why.Reason]]:
    """Return 150 items, 97 of them ended, and the reasons of the others."""
    plan = large_plan()
    now: list[e.News] = []
    for place, planned in enumerate(plan.items[97:101]):
        at = NOW - timedelta(seconds=100 + 40 * place)
        now.append(e.ItemStarted(at, planned.id, 1))
        now.append(e.ItemProgressed(at, planned.id, 1, f"step {place + 1} of 5"))
    progress = fold(batch_of(plan, "c4m9"), [*large_events(plan, 97), *now])
    return progress, waiting_reasons(plan, [i.id for i in plan.items[101:]])


def waiting_reasons(plan: Plan, waiting: Iterable[ItemId]) -> dict[ItemId, why.Reason]:
    waits = {edge.successor: edge.predecessor for edge in plan.edges}
    return {
        n: why.WaitsFor((waits[n],)) if n in waits else why.NoFreeSlot(4, 4)
        for n in waiting
    }


def large_finished() -> Progress:
    plan = large_plan()
    events = large_events(plan, 150)
    return fold(
        batch_of(plan, "c4m9"),
        [
            *events,
            e.TrackingCommented(NOW, 992, f"{THREAD}#issuecomment-992"),
            e.BudgetWaitStarted(NOW - minutes(11.7), NOW),
            e.BudgetWaitEnded(NOW),
            e.BatchFinished(NOW + minutes(1)),
        ],
    )


# --- any batch -----------------------------------------------------------------------

STATES = ("waiting", "running", "retrying", "done", "failed", "skipped", "cancelled")
WORST = "<@&#|`*_\\" * 40
LONG = Repository(1, f"{'o' * 39}/{'r' * 100}", InstallationId(7))


def in_states(
    states: Sequence[str],
    *,
    text: str = "x",
    state: str = "",
    repository: Repository = LONG,
) -> Progress:
    """Return a batch whose items are in *states*; all texts of others are *text*."""
    numbers = [number(999_999_000 + place) for place in range(len(states))]
    items = tuple(replace(plan_item(n, text), repository=repository) for n in numbers)
    edges = tuple(
        Edge(item(behind), item(before), Origin.NATIVE)
        for place, behind in enumerate(numbers)
        for before in numbers[max(0, place - 4) : place]
    )
    outside = tuple(
        OutsideEdge(item(n), Reference("q" * 39 + "/" + "s" * 100, n), Origin.TEXT)
        for n in numbers[::3]
    )
    plan = Plan(items, edges, outside, notes=("n" * len(text),) * 20)
    batch = batch_of(plan, login="ada")
    url = f"https://github.com/{repository.name}/issues/40"
    request = replace(batch.request, repository=repository, asker=Asker("ada", url))
    batch = replace(batch, request=request)
    events: list[e.News] = [e.BatchStarted(START, "ada")]
    for n, one in zip(numbers, states, strict=True):
        events += _events_to(one, n, text, repository.name)
    if state == "paused":
        events.append(e.BatchPaused(NOW, "ada"))
    if state == "cancelled":
        events.append(e.BatchCancelling(NOW, "ada"))
    if state in ("cancelled", "finished"):
        events.append(e.BatchFinished(NOW))
    return fold(batch, events)


def _events_to(state: str, value: ItemNumber, text: str, name: str) -> list[e.News]:
    n = item(value)
    url = f"https://github.com/{name}/pull/{value}"
    good = Outcome(OutcomeKind.COMPLETED, summary=text, link=Link(f"PR {n}", url))
    bad = Outcome(OutcomeKind.FAILED, reason=text, advice=text, log_tail=(text,) * 20)
    begun = e.ItemStarted(START, n, 1)
    match state:
        case "running":
            return [begun, e.ItemProgressed(NOW, n, 1, text)]
        case "retrying":
            return [begun, e.ItemRetrying(NOW, n, 1, bad, NOW + minutes(1))]
        case "done":
            return [begun, e.ItemEnded(NOW, n, 1, good, 9)]
        case "failed":
            return [begun, e.ItemEnded(NOW, n, 1, bad, 9)]
        case "skipped":
            return [e.ItemSkipped(NOW, n, Reference(name, value))]
        case "cancelled":
            return [begun, e.ItemCancelled(NOW, n, "ada")]
        case _:
            return []


def reasons_of(progress: Progress) -> dict[ItemId, why.Reason]:
    """Return for every item the longest reason that there is."""
    items = tuple(progress.items)
    numbers = [view.item.number for view in progress.items.values()]
    outside = tuple(Reference("q" * 39 + "/" + "s" * 100, n) for n in numbers)
    return {
        one: why.WaitsFor(items) if int(one) % 2 else why.WaitsOutside(outside)
        for one in items
    }
