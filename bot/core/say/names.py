"""What people read for the items of a plan."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.core.model import ItemId, ItemNumber, Named, PlanItem, Reference
from bot.core.run.progress import Progress
from bot.core.world.markdown import Links, code_span, some


@dataclass(frozen=True, slots=True)
class Names:
    """Calls an item ``#12``, one of another repository ``acme/api#12``, and one of
    several on a number ``#12 (review)``; once the pull request is there that an item is
    done to, ``#71 (review for #12)``.
    """

    links: Links
    items: Mapping[ItemId, PlanItem]
    shared: frozenset[ItemId]  # items on a number that has several

    @classmethod
    def of(cls, items: Iterable[PlanItem], links: Links) -> "Names":
        """Return the names of the items of one plan; *links* are those of its home."""
        by_id = {item.id: item for item in items}
        asked = {i: by_id.get(one.opened_by or i, one) for i, one in by_id.items()}
        counts = Counter(map(_reference, asked.values()))
        shared = (i for i, item in asked.items() if counts[_reference(item)] > 1)
        return cls(links, by_id, frozenset(shared))

    def text(self, item: ItemId) -> str:
        """Return the name as plain text."""
        planned = self.items[item]
        away = "" if self.is_home(item) else planned.repository.name
        return f"{away}#{planned.number}{self._action(item, '#{}'.format)}"

    def plain(self, item: ItemId) -> str:
        """Return the name as Markdown: of another repository as a link, for its bare name
        would be no link everywhere.
        """
        if self.is_home(item):
            action = self._action(item, self.links.item)
            return f"#{self.items[item].number}{action}"
        return self.link(item)

    def link(self, item: ItemId) -> str:
        """Return the name as a link to the issue or pull request."""
        reference = _reference(self.items[item])
        return self.links.reference(reference) + self._action(item, self.links.item)

    def done_to(self, item: ItemId) -> str:
        """Return the name behind the words for what is done, which need not say it."""
        planned = self.items[item]
        link = self.links.reference(_reference(planned))
        return f"the pull request of {link}" if planned.is_unopened else link

    def list(self, items: Sequence[ItemId], most: int = 8) -> str:
        """Return ``#12, #15 and #18`` as links, with the rest as a count."""
        return some([self.link(item) for item in items[:most]], len(items))

    def list_named(self, named: Sequence[Named], most: int = 8) -> str:
        """Return what people typed: numbers as links, with the rest as a count."""
        shown = [
            typed(one) if isinstance(one, str) else self.links.item(one)
            for one in named[:most]
        ]
        return some(shown, len(named))

    def list_references(self, references: Sequence[Reference], most: int = 3) -> str:
        """Return items of any repository as links, with the rest as a count."""
        shown = [self.links.reference(one) for one in references[:most]]
        return some(shown, len(references))

    def is_home(self, item: ItemId) -> bool:
        """Return whether its number alone says which item it is."""
        return self.items[item].repository.name == self.links.repository

    def _action(self, item: ItemId, name: Callable[[ItemNumber], str]) -> str:
        if item not in self.shared:
            return ""
        planned = self.items[item]
        issue = self.items.get(planned.opened_by) if planned.opened_by else None
        is_there = issue is not None and not planned.is_unopened
        behind = f" for {name(issue.number)}" if issue and is_there else ""
        return f" ({planned.action.name}{behind})"


def typed(name: Named) -> str:
    """Return how people named an item: ``#12``, or `12-review` as code."""
    return code_span(name) if isinstance(name, str) else f"#{name}"


def names_of(progress: Progress) -> Names:
    """Return the names of a batch's items, linked on the site of its command."""
    batch = progress.batch
    links = Links.beside(batch.repository.name, batch.asker.url)
    return Names.of(batch.plan.items, links)


def _reference(item: PlanItem) -> Reference:
    return Reference(item.repository.name, item.number)
