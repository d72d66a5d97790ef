"""What others do to pull requests and their base while a train of merges is under way."""

from dataclasses import replace

from bot.localhub.pulls import pull_of
from bot.localhub.rules import BranchRules, QueueRule, RequiredCheck
from tests.flow.merging import (
    MERGES,
    PARKED,
    UPDATES,
    demand,
    head,
    is_merged,
    main,
    pulls,
    report,
    stack,
)
from tests.flow.world import REPOSITORY, World


async def waiting(on: World, count: int = 1) -> None:
    await on.until(lambda: on.rows(PARKED) >= [(count,)])


# --- labels and mixed batches ---------------------------------------------------------


async def test_a_label_merges_with_the_rules_options_and_roles_of_a_merge(on: World):
    on.configure(
        "labels: {automerge: {do: merge, window: 10s}}\nmerge: {method: squash}"
    )
    pulls(on, 61, 62)
    demand(on, "ci")
    report(on, 61, "ci")
    report(on, 62, "ci")
    async with on.bot():
        on.hub.label("linus", REPOSITORY, 62, "automerge")
        await on.clock.sleep(20)
        await on.dealt_with()
        assert not is_merged(on, 62)
        assert "maintain" in on.replies(on=62)[-1]
        on.hub.label("grace", REPOSITORY, 61, "automerge")
        await on.until(lambda: is_merged(on, 61))
        assert len(on.repository.git.commit(main(on)).parents) == 1
        await on.until(lambda: not on.thread(61).labels)
    assert on.rows(MERGES) == [(1,)]


async def test_a_label_taken_off_while_a_merge_waits_takes_the_merge_back(on: World):
    on.configure("labels: {automerge: {do: merge, window: 10s}}")
    pulls(on, 61)
    demand(on, "ci")
    async with on.bot():
        on.hub.label("grace", REPOSITORY, 61, "automerge")
        await waiting(on)
        on.hub.unlabel("grace", REPOSITORY, 61, "automerge")
        await on.dealt_with()
        report(on, 61, "ci")
        done = "SELECT count(*) FROM batches WHERE is_concluded"
        await on.until(lambda: on.rows(done) == [(1,)])
        assert not is_merged(on, 61)


async def test_a_batch_may_implement_review_and_merge_in_an_order(on: World):
    on.issue(12, "write a.txt hello")
    pulls(on, 61, 63)
    async with on.bot():
        await on.finished(
            on.say("/batch 12 review:63 merge:61[method:rebase] after:63")
        )
        assert is_merged(on, 61)
        (review,) = pull_of(on.thread(63)).reviews
        merged_at = pull_of(on.thread(61)).merged_at
        assert merged_at is not None
        assert review.submitted_at <= merged_at
        assert list(on.pull_requests()) == [12]


# --- heads ------------------------------------------------------------------------------


async def test_a_force_push_back_and_forth_ends_where_it_was(on: World):
    pulls(on, 61)
    demand(on, "ci")
    was = head(on, 61)
    async with on.bot():
        command = on.say("/batch merge 61")
        await waiting(on)
        on.hub.push("linus", REPOSITORY, "topic-61", {"b.txt": "b"}, message="Oops")
        on.hub.set_ref("linus", REPOSITORY, "refs/heads/topic-61", was)
        report(on, 61, "ci")
        await on.finished(command)
        # Either it saw the other head, or what it merged is what was asked for.
        if is_merged(on, 61):
            assert on.repository.git.commit(main(on)).parents[1] == was
        else:
            assert "head moved" in on.said("report")


async def test_closed_and_reopened_or_merged_by_hand_meanwhile(on: World):
    pulls(on, 61, 62, 63)
    demand(on, "ci")
    async with on.bot():
        command = on.say("/batch merge 61 62 63")
        await waiting(on, 3)
        on.hub.close("linus", REPOSITORY, 61)
        report(on, 62, "ci")
        on.hub.merge("ada", REPOSITORY, 62)
        report(on, 63, "ci")
        await on.finished(command)
        said = on.said("report")
        assert "closed without a merge after the command" in said
        assert is_merged(on, 62)
        assert is_merged(on, 63)
        assert on.rows(MERGES) <= [(2,)]


async def test_made_a_draft_while_it_waits(on: World):
    pulls(on, 61)
    demand(on, "ci")
    async with on.bot():
        command = on.say("/batch merge 61")
        await waiting(on)
        on.hub.set_draft("linus", REPOSITORY, 61, is_draft=True)
        report(on, 61, "ci")
        await on.finished(command)
        assert "it is a draft" in on.said("report")
        assert not is_merged(on, 61)


# --- bases ------------------------------------------------------------------------------


async def test_a_base_that_gets_another_name_while_it_waits(on: World):
    pulls(on, 61)
    on.hub.push("ada", REPOSITORY, "release", {"r.txt": "r"}, message="Branch off")
    on.hub.set_base("linus", REPOSITORY, 61, "release")
    rules = BranchRules(pattern="rel*", checks=(RequiredCheck("ci"),))
    on.repository.rules = [rules]
    async with on.bot():
        command = on.say("/batch merge 61")
        await waiting(on)
        on.hub.rename_branch("ada", REPOSITORY, "release", "rel-2")
        report(on, 61, "ci")
        await on.finished(command)
        assert not is_merged(on, 61)
        assert "its base was changed from `release` to `rel-2`" in on.said("report")


async def test_a_base_that_is_deleted_while_it_waits(on: World):
    pulls(on, 61)
    on.hub.push("ada", REPOSITORY, "release", {"r.txt": "r"}, message="Branch off")
    on.hub.set_base("linus", REPOSITORY, 61, "release")
    on.repository.rules = [BranchRules("release", checks=(RequiredCheck("ci"),))]
    async with on.bot():
        command = on.say("/batch merge 61")
        await waiting(on)
        on.hub.set_ref("ada", REPOSITORY, "refs/heads/release", None)
        await on.finished(command)
        assert "closed without a merge" in on.said("report")


async def test_another_base_that_somebody_chose_is_not_merged_into(on: World):
    pulls(on, 61)
    demand(on, "ci")
    on.hub.push("ada", REPOSITORY, "evil", {"r.txt": "r"}, message="Branch off")
    async with on.bot():
        command = on.say("/batch merge 61")
        await waiting(on)
        on.hub.set_base("linus", REPOSITORY, 61, "evil")
        await on.finished(command)
        assert not is_merged(on, 61)
        assert "its base was changed from `main` to `evil`" in on.said("report")


async def test_two_trains_and_people_on_one_strict_base_take_turns(on: World):
    pulls(on, 61, 62, 63, 64)
    demand(on, "ci", is_strict=True)
    on.hub.plan_checks(REPOSITORY, {"ci": "success"})
    for number in (61, 62, 63, 64):
        report(on, number, "ci")
    async with on.bot():
        first = on.say("/batch merge 61 62")
        second = on.say("/batch merge 63 64", on=62)
        await on.until(lambda: is_merged(on, 61) or is_merged(on, 63))
        files: dict[str, str | bytes | None] = {"hot.txt": "x"}
        on.hub.push("ada", REPOSITORY, "main", files, message="A fix")
        await on.finished(first)
        await on.finished(second)
        assert all(is_merged(on, number) for number in (61, 62, 63, 64))
        # Nobody is updated while another one goes: at most one more for the fix.
        ((updates,),) = on.rows(UPDATES)
        assert updates <= 6


# --- rules ------------------------------------------------------------------------------


async def test_a_required_check_gets_another_name(on: World):
    pulls(on, 61)
    demand(on, "ci")
    async with on.bot():
        command = on.say("/batch merge 61 timeout:2h")
        await waiting(on)
        demand(on, "ci / linux")
        report(on, 61, "ci / linux")
        await on.finished(command)
        assert is_merged(on, 61)


async def test_classic_protection_is_learned_from_what_github_shows_and_refuses(
    on: World,
):
    pulls(on, 61, 62)
    demand(on, "ci", is_classic=True, is_strict=True, approvals=1)
    on.hub.plan_checks(REPOSITORY, {"ci": "success"})
    report(on, 61, "ci")
    report(on, 62, "ci")
    async with on.bot():
        command = on.say("/batch merge 61 62 timeout:6h")
        await on.until(lambda: "waits for an approval" in on.said("tracking"))
        on.hub.review("ada", REPOSITORY, 61, event="APPROVE")
        on.hub.review("ada", REPOSITORY, 62, event="APPROVE")
        await on.finished(command)
        assert is_merged(on, 61)
        assert is_merged(on, 62)


async def test_a_queue_that_is_switched_off_while_one_waits_in_it(on: World):
    pulls(on, 61)
    demand(on, "ci", queue=QueueRule())
    report(on, 61, "ci")
    async with on.bot():
        command = on.say("/batch merge 61 timeout:2h")
        await on.until(lambda: "waits for the merge queue" in on.said("tracking"))
        on.hub.dequeue("ada", REPOSITORY, 61)
        demand(on, "ci")
        await on.finished(command)
        said = on.said("report")
        assert is_merged(on, 61) or "the merge queue of `main` took it out" in said


async def test_a_queue_that_is_switched_on_while_one_waits_for_its_checks(on: World):
    pulls(on, 61)
    demand(on, "ci")
    on.hub.plan_checks(REPOSITORY, {"ci": "success"})
    async with on.bot():
        command = on.say("/batch merge 61 timeout:2h")
        await waiting(on)
        on.repository.rules = [replace(on.repository.rules[0], queue=QueueRule())]
        report(on, 61, "ci")
        await on.finished(command)
        assert is_merged(on, 61)
        assert on.rows("SELECT count(*) FROM effects WHERE key GLOB '*/enqueue@*'") == [
            (1,)
        ]


async def test_a_method_that_is_forbidden_meanwhile_is_told(on: World):
    pulls(on, 61)
    demand(on, "ci")
    async with on.bot():
        command = on.say("/batch merge 61 method:squash")
        await waiting(on)
        on.repository.merge_methods = ("merge",)
        report(on, 61, "ci")
        await on.finished(command)
        assert not is_merged(on, 61)
        assert "`main` takes no `squash` merges" in on.said("report")


async def test_squashes_of_equal_titles_are_told_apart(on: World):
    for number in (61, 62):
        on.pull_request(number, title="Fix it")
    async with on.bot():
        await on.finished(on.say("/batch merge 61 62 method:squash"))
        assert is_merged(on, 61)
        assert is_merged(on, 62)
        assert on.rows(MERGES) == [(2,)]
        assert on.said("report").count("merged into `main`") == 2


async def test_what_is_stacked_on_a_squash_conflicts_by_name_or_goes_in(on: World):
    pulls(on, 61)
    stack(on, 62, on_=61)
    async with on.bot():
        await on.finished(on.say("/batch merge 61 62 method:squash"))
        assert is_merged(on, 61)
        said = on.said("report")
        assert is_merged(on, 62) or "it conflicts with `main` in" in said
        assert pull_of(on.thread(62)).base_ref == "main"


async def test_a_stack_of_githubs_own_says_what_to_do(on: World):
    pulls(on, 61)
    pull_of(on.thread(61)).is_in_stack = True
    async with on.bot():
        await on.finished(on.say("/batch merge 61"))
        said = on.said("report")
        assert "GitHub's own stacks" in said
        assert "from its bottom up" in said
        assert not is_merged(on, 61)


# --- words of others ----------------------------------------------------------------------


async def test_names_and_logs_of_others_are_shown_and_nothing_else(on: World):
    name = "ci | `x` @ada <b>](http://evil.test)"
    log = "##[group]Run it\n```\n@ada closes #1 <!-- x -->\n</details>\n##[error]no\n"
    on.hub.plan_checks(REPOSITORY, {name: "failure"}, logs={name: log})
    pulls(on, 61)
    demand(on, name)
    async with on.bot():
        await on.finished(on.say("/batch merge 61"))
        said = on.said("report")
        assert "@ada" not in said.partition("Last lines")[0].partition("Tick one")[0]
        assert "](http://evil" not in said
        assert "````text\n```\n@ada closes #1 <!-- x -->\n</details>\nno\n" in said
        assert " · [ci" in said
        assert "/job/" in said
