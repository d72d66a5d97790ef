"""What an installation has not granted is said before anything starts."""

from tests.flow.world import World


async def test_what_is_not_granted_is_refused_with_its_name_and_where_it_is_granted(
    on: World,
):
    on.issue(12, "write a b")
    installation = on.hub.state.installation_of(on.repository)
    assert installation is not None
    on.hub.grant(installation, pull_requests="")
    async with on.bot():
        answer = await on.answer("/batch 12")
        address = f"{on.hub.html_url}/settings/installations/{installation.id}"
        assert (
            "#12 is an issue; the app has not been granted `pull_requests: write`, which"
            f" `implement` needs: an owner can grant it [in the app's settings]({address})."
        ) in answer
        on.assert_nothing_started()
        # What needs no more than what is granted is done.
        await on.finished(on.say("/batch label +bug 12"))
        on.hub.grant(installation, pull_requests="write")
        # The token that the bot has was made before: it takes another one.
        await on.finished(on.say("/batch 12"))
    assert len(on.pull_requests()) == 1


async def test_nothing_starts_where_nobody_could_be_told(on: World):
    on.issue(12, "write a b")
    on.pull_request(18)
    installation = on.hub.state.installation_of(on.repository)
    assert installation is not None
    on.hub.grant(installation, issues="")
    async with on.bot():
        on.say("/batch 12")
        await on.dealt_with()
        outcome = "SELECT outcome FROM deliveries ORDER BY id DESC LIMIT 1"
        assert on.rows(outcome) == [("refused: issues not granted",)]
        on.assert_nothing_started()
        # Of several the rest is done, and the plan says what is not.
        await on.finished(on.say("/batch label +x 12-18", on=18))
        said = on.said("tracking", on=18)
    assert "#12 is an issue; the app has not been granted `issues: write`" in said
    assert [label.name for label in on.thread(18).labels] == ["x"]
    assert on.thread(12).labels == []
