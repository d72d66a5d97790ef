"""Plans and batches for tests: made by hand or generated."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import strategies as st

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
    Options,
    Origin,
    OutsideEdge,
    Plan,
    PlanItem,
    Repository,
    Request,
)

WIDGETS = Repository(1, "acme/widgets", InstallationId(7))
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def item(number: int) -> ItemId:
    return ItemId(str(number))


def plan(
    waits: Mapping[int, Iterable[int]],
    *,
    options: Options | None = None,
    actions: Mapping[int, str] | None = None,
    priorities: Mapping[int, int] | None = None,
    outside: tuple[OutsideEdge, ...] = (),
    worker: str = "scripted",
) -> Plan:
    """Return a plan: each item with the items that it waits for."""
    options = options or Options()
    return Plan(
        items=tuple(
            PlanItem(
                item(number),
                WIDGETS,
                ItemNumber(number),
                ItemKind.ISSUE,
                Action((actions or {}).get(number, "implement")),
                worker=worker,
                title=f"Item {number}",
                priority=(priorities or {}).get(number, options.priority),
                retries=options.retries,
            )
            for number in waits
        ),
        edges=tuple(
            Edge(item(number), item(before), Origin.TYPED)
            for number, predecessors in waits.items()
            for before in predecessors
        ),
        outside=outside,
        options=options,
    )


def with_reviews(of: Plan, numbers: Iterable[int]) -> Plan:
    """Return the plan with a review of what each of some items opens."""
    before = {one.id: one for one in of.items}
    added = [
        replace(
            before[item(number)],
            id=ItemId(f"{number}-review"),
            action=Action("review"),
            worker="",
            opened_by=item(number),
        )
        for number in sorted(numbers)
    ]
    edges = (
        Edge(one.id, one.opened_by, Origin.OPENED) for one in added if one.opened_by
    )
    return replace(of, items=(*of.items, *added), edges=(*of.edges, *edges))


def request_of(repository: Repository, name: str) -> Request:
    """Return a request that no other *name* has."""
    return Request(
        repository=repository,
        thread=ItemNumber(40),
        thread_is_pull_request=False,
        asker=Asker("ada", "https://github.com/acme/widgets/issues/40#issuecomment-9"),
        origin=Comment(int.from_bytes(name.encode()), CommentKind.ISSUE),
    )


def batch(
    of: Plan, *, name: str = "b7k2", installation: int = 7, repository: int = 1
) -> Batch:
    """Return a batch of acme/widgets with this plan, whose items there are its own."""
    home = Repository(repository, "acme/widgets", InstallationId(installation))
    of = replace(
        of,
        items=tuple(
            replace(one, repository=home) if one.repository == WIDGETS else one
            for one in of.items
        ),
    )
    return Batch(
        id=BatchId(name),
        request=request_of(home, name),
        default_branch="main",
        command="/batch …",
        created_at=NOON,
        plan=of,
    )


@st.composite
def graphs(draw: st.DrawFn, most: int = 14) -> dict[int, list[int]]:
    """Generate acyclic graphs: each item may wait for any that come before it."""
    count = draw(st.integers(1, most))
    numbers = list(range(1, count + 1))
    return {
        number: draw(
            st.lists(st.sampled_from(numbers[: number - 1]), unique=True, max_size=4)
        )
        if number > 1
        else []
        for number in numbers
    }
