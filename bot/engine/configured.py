"""The configuration of a repository, from its file and those that this one extends."""

from dataclasses import replace

from bot.core.model import Repository
from bot.core.plan.configuration import RepositoryConfiguration
from bot.core.plan.expansion import Known, Wanted
from bot.core.plan.sources import Place, Source, extended, not_there, read_sources
from bot.ports.github import GitHub, Lookups, RepositoryFacts


async def configured(
    github: GitHub, repository: Repository, about: RepositoryFacts
) -> RepositoryConfiguration:
    """Return what a repository sets; without a file of its own, what its owner does.

    Raises ``ConfigurationError`` with everything that is wrong, and what GitHub answers.
    """
    own = Place(about.name or repository.name)
    shared = Place(f"{own.repository.partition('/')[0]}/.github")
    known: dict[tuple[str, str], Source | None] = {shared.key: about.shared}
    known[own.key] = about.configuration
    first = shared if about.configuration is None and about.shared else own
    return await extending(github, repository, first, known)


async def proposed(
    github: GitHub, repository: Repository, source: Source, *, follows: bool
) -> RepositoryConfiguration:
    """Return what a file that is to be the repository's comes to, if it fits.

    Unless what it extends is to be *followed* it is looked at alone: a stranger's file may
    have nothing read for it. Raises ``ConfigurationError``, and what GitHub answers.
    """
    if not follows:
        return read_sources([source])
    own = Place(repository.name)
    return await extending(github, repository, own, {own.key: source})


async def extending(
    github: GitHub,
    repository: Repository,
    first: Place,
    known: dict[tuple[str, str], Source | None],
) -> RepositoryConfiguration:
    """Return what a file comes to; what is *known* already is not asked for."""
    source = known[first.key]
    if source is None:
        return RepositoryConfiguration()
    sources, chain = [source], [first]
    while (place := extended(sources[-1], chain)) is not None:
        if place.key not in known:
            known[place.key] = await github.file(repository, place)
        source = known[place.key]
        if source is None:
            raise not_there(sources[-1], place)
        sources.append(source)
        chain.append(place)
    return read_sources(sources)


async def with_workflows(
    github: Lookups, repository: Repository, missing: Wanted, known: Known
) -> Known:
    """Return *known* with the workflows that a command dispatches."""
    asked = missing.workflows
    found = {file: await github.workflow(repository, file) for file in asked}
    return replace(known, workflows={**known.workflows, **found}) if found else known
