"""What became of the branches that work builds on, and where it stands by that."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.core.actions.step import Ask, Job, Predecessor, Seen
from bot.core.model import CommandResult, ItemNumber, batch_of, branch
from bot.core.world.questions import Bases, BasesOf, PullNow, PullState

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the work of an item that another one builds on.

    It is on the branch ``where``; empty: it is nowhere that counts, and ``says`` why.
    """

    number: ItemNumber
    branch: str  # that it was pushed to
    where: str
    says: str = ""  # such as "PR 71 was merged"; empty while nothing happened to it
    pull: PullNow | None = None

    @property
    def is_closed(self) -> bool:
        """Whether its pull request has to be opened anew."""
        return self.pull is not None and self.pull.state is PullState.CLOSED


@dataclass(frozen=True, slots=True)
class Stranded:
    """An open pull request whose base was merged, and is still there."""

    pull: PullNow
    merged: PullNow  # its base's
    onto: str  # where that is by now


@dataclass(frozen=True, slots=True)
class Footing:
    """Where work starts from, or is brought to, as things stand."""

    default_branch: str
    base: str
    merge: tuple[str, ...]
    fates: tuple[Fate, ...]
    own: PullNow | None  # of the branch that the work is pushed to
    others: tuple[PullNow, ...]  # open ones of other batches for the same issue
    stranded: Stranded | None = None  # the newest of them, if it has to go elsewhere

    @property
    def lost(self) -> tuple[Fate, ...]:
        """What it was to build on and cannot."""
        return tuple(fate for fate in self.fates if not fate.where)

    @property
    def unmerged(self) -> tuple[Fate, ...]:
        """What it builds on whose own branch has yet to be merged."""
        return tuple(fate for fate in self.fates if fate.where == fate.branch)

    def bears(self, result: CommandResult) -> bool:
        """Return whether what the work stands on is still what it builds on."""
        known = {self.default_branch, *(fate.where for fate in self.fates)}
        return {result.base or self.base, *result.merged} <= known


def footing(job: Job, seen: Seen) -> Footing | Ask:
    """Return where the work of *job* stands, or what has to be asked for that."""
    own = branch(job.batch_id, job.item.id)
    names = (own, *(before.branch for before in job.predecessors))
    while True:
        question = BasesOf(job.repository, job.item.number, names)
        bases = seen.answer(question)
        if bases is None:
            return Ask(question)
        others = _others(job, bases, names)
        # Of the newest it is asked as well what became of its base, if that is ours.
        below = [other for other in others[-1:] if _is_ours(other.base)]
        followed = (
            *job.predecessors,
            *(Predecessor(job.item.number, other.base) for other in below),
        )
        found = [
            _fate(before, bases, was_default=job.default_branch) for before in followed
        ]
        fates = [one for one in found if isinstance(one, Fate)]
        if len(fates) == len(found):
            break
        # Merged into a branch that has to be known as well.
        names = (*names, *(one for one in found if not isinstance(one, Fate)))
    fates, others_fates = fates[: len(job.predecessors)], fates[len(job.predecessors) :]
    stranded = [
        Stranded(other, fate.pull, fate.where)
        for other, fate in zip(below, others_fates, strict=True)
        if fate.pull is not None
        and fate.pull.state is PullState.MERGED
        and bases.branches[other.base].exists  # else GitHub has seen to it
    ]
    base, merge = _start(bases.default_branch, fates)
    return Footing(
        bases.default_branch,
        base,
        merge,
        tuple(fates),
        own=bases.branches[own].pull,
        others=others,
        stranded=stranded[0] if stranded else None,
    )


def _others(job: Job, bases: Bases, names: Collection[str]) -> tuple[PullNow, ...]:
    """Return the open pull requests of other batches, none of what is built on."""
    return tuple(
        pull
        for pull in bases.open_pulls
        if batch_of(pull.head, job.item.number) != job.batch_id
        and pull.head not in names
    )


def _start(default_branch: str, fates: list[Fate]) -> tuple[str, tuple[str, ...]]:
    """Return the branch to stand on, and those to merge into it."""
    places = tuple(dict.fromkeys(fate.where for fate in fates if fate.where))
    if len(places) == 1:
        return places[0], ()
    return default_branch, tuple(one for one in places if one != default_branch)


def _fate(before: Predecessor, bases: Bases, *, was_default: str) -> Fate | str:
    """Return what became of an item's work, or the branch that has to be known first.

    A merged one is followed to where it was merged, and on from there if that was
    merged later: what comes to a branch after its merge stays on it.
    """
    here, since = before.branch, _LONG_AGO
    followed: list[PullNow] = []
    while here != bases.default_branch:
        now = bases.branches.get(here)
        if now is None:
            return here
        pull = now.pull
        if pull is not None and (pull.merged_at or since) < since:
            pull = None
        if pull is not None and pull.state is PullState.MERGED:
            if pull in followed:  # two branches that were merged into each other
                break
            followed.append(pull)
            here, since = pull.base, pull.merged_at or since
            continue
        if pull is not None and pull.lost_base and now.exists:
            # Nobody turned the work down.
            says = f"PR {pull.number} was closed when its base was deleted"
            return Fate(before.number, before.branch, here, says, pull)
        if pull is not None and pull.state is PullState.CLOSED and _is_ours(here):
            says = f"PR {pull.number} was closed without a merge"
            return Fate(before.number, before.branch, "", says, pull)
        if not now.exists and here == was_default:  # it has another name
            here = bases.default_branch
            break
        if not now.exists:
            says = f"the branch {here} is gone"
            return Fate(before.number, before.branch, "", says, pull)
        break
    merged = followed[0] if followed else None
    says = f"PR {merged.number} was merged" if merged else ""
    return Fate(before.number, before.branch, here, says, merged)


def _is_ours(name: str) -> bool:
    """Return whether a branch is some item's; others outlive their pull requests."""
    return name.startswith("batch/")
