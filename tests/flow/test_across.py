"""Stories of batches with items of several repositories of an installation."""

from bot.localhub.state import Repository
from tests.flow.world import ROLES, World

API = "acme/api"


def add_api(
    on: World, name: str = API, *, is_private: bool = False, issues: int = 7
) -> Repository:
    """Add a repository of the installation with some issues."""
    made = on.hub.create_repository(
        name, files={"README.md": "# api\n"}, is_private=is_private
    )
    for login, role in ROLES.items():
        on.hub.set_role("acme", name, login, role)
    for number in range(1, issues + 1):
        on.hub.open_issue("ada", name, f"Endpoint {number}", "")
    return made


def ended(on: World) -> dict[str, str]:
    return dict(on.rows("SELECT item, state FROM items"))


async def test_items_of_two_repositories_are_one_batch(on: World):
    api = add_api(on)
    on.issue(12)
    on.hub.add_label(API, "ready")
    async with on.bot():
        command = on.say("/batch label +ready 12 acme/api#5 after:12")
        await on.finished(command)
    assert [label.name for label in api.threads[5].labels] == ["ready"]
    assert [label.name for label in on.thread(12).labels] == ["ready"]
    assert ended(on) == {"12": "completed", "api-5": "completed"}
