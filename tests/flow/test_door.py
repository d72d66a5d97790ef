"""What is kept of the deliveries of a batch, and for how long."""

from tests.flow.world import REPOSITORY, World

KEPT = """
    SELECT event, outcome, body IS NOT NULL
    FROM deliveries LEFT JOIN delivery_bodies ON delivery_id = id
"""


async def labelled(on: World) -> None:
    """Let a batch label two items amid the talk of others."""
    on.hub.add_label(REPOSITORY, "ready")
    for number in (12, 15):
        on.issue(number)
    for number in range(20):
        on.say(f"I think so too ({number})", by="rita")
    await on.finished(on.say("/batch label +ready 12 15"))
    on.hub.close("ada", REPOSITORY, 15)
    await on.dealt_with()


async def test_bodies_are_kept_only_of_what_may_be_a_reason_to_act(on: World):
    async with on.bot():
        await labelled(on)
    kept = on.rows(KEPT)
    assert len(kept) == len(on.hub.webhooks.deliveries)
    assert [outcome for _, outcome, has_body in kept if has_body] == [
        outcome for _, outcome, _ in kept if outcome != "ignored"
    ]
    # The command, and what was closed: a batch may have waited for it.
    assert sorted(event for event, _, has_body in kept if has_body) == [
        "issue_comment",
        "issues",
    ]
    # The bot's own comments and labels, and everybody's talk, are known again by GUID.
    assert len([1 for *_, has_body in kept if not has_body]) > 20


async def test_bodies_go_when_github_has_them_no_more_and_guids_stay(on: World):
    async with on.bot(BATCH_SWEEP_SECONDS="60"):
        await labelled(on)
        count = len(on.hub.webhooks.deliveries)
        on.later(days=3, minutes=2)
        await on.until(lambda: on.rows("SELECT 1 FROM delivery_bodies") == [])
        assert on.rows("SELECT count(*) FROM deliveries") == [(count,)]
