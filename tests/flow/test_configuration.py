"""``.github/batch.yml``: where it is read, what it extends, and what is said of faults."""

import pytest

from tests.flow.world import REPOSITORY, World

PATH = ".github/batch.yml"


def share(
    on: World, name: str, text: str, *, path: str = PATH, is_private: bool = False
) -> None:
    """Make a repository with a configuration that others may extend."""
    on.hub.create_repository(name, files={path: text}, is_private=is_private)


def labels(on: World) -> set[str]:
    """Return the labels of #15."""
    return {label.name for label in on.repository.threads[15].labels}


async def test_everything_that_is_wrong_is_answered_at_once_and_nothing_starts(
    on: World,
):
    on.issue(15)
    on.configure("lable: x\nlimits:\n  items: 900\nhome: #12\n")
    async with on.bot():
        command = on.say("/batch label +bug 15")
        await on.until(on.replies)
        await on.dealt_with()
    (reply,) = on.replies()
    assert reply.startswith(
        "\U0001f615 `.github/batch.yml` on the default branch does not fit,"
        " so nothing started:"
    )
    assert "- line 1, column 1: `lable`: unknown setting; did you mean label?" in reply
    assert (
        "- line 3, column 10: `limits.items`: this must be a whole number from 1 to 500."
        " For example `items: 50`." in reply
    )
    assert "- line 4, column 6: `home`: there is no value;" in reply
    assert "confused" in on.reactions(command)
    on.assert_nothing_started()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"label: \0", "this is no text in UTF-8"),
        (b"#" * 70_000, "larger than 64 KiB"),
        (b"a: &x [1]\nb: *x", "line 2, column 4: aliases"),
        (b"limits:\n\titems: 3", "line 2, column 1: a tab stands here"),
    ],
)
async def test_a_hostile_file_is_named_and_nothing_starts(
    on: World, content: bytes, says: str
):
    on.issue(15)
    on.hub.push("ada", REPOSITORY, "main", {PATH: content}, message="Change it")
    async with on.bot():
        on.say("/batch label +bug 15")
        await on.until(on.replies)
    assert says in on.replies()[0]
    on.assert_nothing_started()


async def test_only_the_default_branch_counts(on: World):
    on.issue(15)
    on.hub.push("linus", REPOSITORY, "topic", {PATH: "lable: x"}, message="Try it")
    async with on.bot():
        on.say("/batch label +bug 15")
        await on.until(lambda: labels(on) == {"bug"})


async def test_the_owners_file_is_extended_and_a_key_replaces_its_own(on: World):
    on.issue(15)
    share(
        on,
        "acme/.github",
        'actions: {triaged: {uses: label, with: ["+seen!"]}}\nlimits: {items: 2}\n',
        is_private=True,
    )
    on.configure("_extends: .github\nlimits: {items: 1}\n")
    async with on.bot():
        on.say("/batch triaged 15")
        await on.until(lambda: labels(on) == {"seen"})
        on.say("/batch triaged 15 40")
        await on.until(lambda: "limit of a command is 1." in "".join(on.replies()))


async def test_a_repository_without_a_file_has_its_owners(on: World):
    on.issue(15)
    share(on, "acme/.github", 'actions: {triaged: {uses: label, with: ["+seen!"]}}')
    async with on.bot():
        on.say("/batch triaged 15")
        await on.until(lambda: labels(on) == {"seen"})


async def test_files_extend_others_by_name_and_path(on: World):
    on.issue(15)
    share(on, "acme/shared", "_extends: octo/all:conf/b.yaml\nlabel: x")
    share(
        on,
        "octo/all",
        'actions: {triaged: {uses: label, with: ["+seen!"]}}',
        path="conf/b.yaml",
    )
    on.configure("_extends: shared\n")
    async with on.bot():
        on.say("/batch triaged 15")
        await on.until(lambda: labels(on) == {"seen"})


@pytest.mark.parametrize("extends", ["octo/secret", "nowhere", "shared:other.yml"])
async def test_what_the_app_may_not_read_is_an_error(on: World, extends: str):
    on.issue(15)
    share(on, "octo/secret", "label: password", is_private=True)
    share(on, "acme/shared", "label: x")
    on.configure(f"_extends: {extends}\n")
    async with on.bot():
        on.say("/batch label +bug 15")
        await on.until(on.replies)
    assert "line 1, column 11: `_extends`: " in on.replies()[0]
    assert "is not there, or the app may not read it" in on.replies()[0]
    assert "password" not in on.replies()[0]
    on.assert_nothing_started()


async def test_a_circle_is_named(on: World):
    on.issue(15)
    share(on, "acme/.github", "_extends: widgets")
    on.configure("_extends: .github\n")
    async with on.bot():
        on.say("/batch label +bug 15")
        await on.until(on.replies)
    reply = on.replies()[0]
    assert (
        "files extend each other in a circle: acme/widgets:.github/batch.yml" in reply
    )
    on.assert_nothing_started()


async def test_a_fault_of_a_private_file_is_told_without_its_words(on: World):
    on.issue(15)
    share(on, "acme/.github", "hunter2: x", is_private=True)
    on.configure("_extends: .github\n")
    async with on.bot():
        on.say("/batch label +bug 15")
        await on.until(on.replies)
    assert "`acme/.github:.github/batch.yml`, line 1, column 1" in on.replies()[0]
    assert "hunter2" not in on.replies()[0]
