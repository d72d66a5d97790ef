"""What plans wait for outside themselves, as GitHub has it."""

from collections.abc import Mapping, Sequence

from bot.core.model import ItemFacts, Reference, Repository
from bot.errors import NotFound
from bot.ports.github import Lookups


async def outside(
    github: Lookups, repository: Repository, wanted: Sequence[Reference]
) -> Mapping[Reference, ItemFacts]:
    """Return the facts of what a plan waits for outside itself, as far as it is there."""
    here = [r.number for r in wanted if r.repository == repository.name]
    away = [r for r in wanted if r.repository != repository.name]
    found: dict[Reference, ItemFacts] = {}
    if here:
        _, facts = await github.facts(repository, here)
        for number, fact in facts.items():
            found[Reference(repository.name, number)] = fact
    if away:
        found.update(await references(github, repository, away))
    return found


async def references(
    github: Lookups, repository: Repository, wanted: Sequence[Reference]
) -> Mapping[Reference, ItemFacts]:
    """Return the facts of items of other repositories, as far as they can be seen."""
    try:
        return await github.references(repository.installation_id, wanted)
    except NotFound:
        return {}
