"""A batch waits for the installation's requests, says so, and goes on by itself."""

from datetime import timedelta

from tests.flow.world import World


async def test_items_wait_for_the_reset_and_then_start_by_themselves(on: World):
    for number in range(12, 22):
        on.issue(number)
    [installation] = on.sandbox.state.installations.values()
    window = on.sandbox.limits.window(installation.id, "core")
    window.reset_at = on.sandbox.now() + timedelta(seconds=90)
    on.sandbox.limits.set_limit(installation.id, remaining=512)
    async with on.bot():
        command = on.say("/batch label +bug 12..21")
        await on.until(
            lambda: (
                on.comments("tracking")
                and "waits for the API budget" in on.comment("tracking").body
            )
        )
        # What is kept back for other work stays untouched by items.
        assert window.limit - window.used > 490
        await on.finished(command)
    assert "10 of 10 done" in on.comment("report").body
    assert "for the API budget" in on.comment("report").body
