"""Short words beside others, what operators read of their commands, and of a start."""

import inspect
from pathlib import Path
from types import ModuleType

from bot.core.say import notes, programs, starts
from bot.core.world.answers import Answered, Failure
from bot.errors import TransientError
from tests.golden import assert_golden

LATE = TransientError(Answered(Failure.LATE))
SAID = {
    notes: [
        notes.getting_repository(),
        notes.running_command(),
        notes.waits_for_machine(),
        notes.pool_away(),
        notes.silent("https://github.com", 30),
        notes.waits(LATE),
        notes.waits_for_github(LATE),
        notes.its_turn("merge acme/widgets main"),
        notes.not_stopped(LATE),
        notes.left_out(1234),
        notes.left_out(0),
        notes.no_pins(),
        notes.has_merges(["4f2c1ab"]),
        notes.has_merges(["4f2c1ab", "5a1b2c3", "6d7e8f9", "7abcdef"]),
        notes.no_pins_on_pull_requests(),
        notes.other_pin(),
        notes.not_pinned(LATE),
        notes.pin_stayed(LATE),
        notes.review_without_id(),
        notes.comments_not_taken(LATE),
        notes.verdict_not_taken(LATE),
        notes.not_folded(LATE),
        notes.not_assigned(["ada", "bob", "eve"]),
        notes.not_labelled(["needs-review"]),
        notes.milestone_stayed("2.3"),
        notes.milestone_stayed(""),
        notes.draft_stayed(is_draft=True),
        notes.draft_stayed(is_draft=False),
        notes.not_asked(["copilot[bot]"]),
        notes.no_reviewers(["ada", "team:core"]),
        notes.unseen_teams(["team:core"]),
        notes.own_review("ada"),
        notes.still_asked(["ada"]),
        notes.without_reason(),
        notes.not_unassigned(["ada"]),
        notes.found_otherwise("1" * 40, "2" * 40, is_merged=False, is_closed=True),
        notes.found_otherwise("1" * 40, "1" * 40, is_merged=True, is_closed=True),
        notes.base_is_not("next", is_closed=False),
        notes.base_is_not("next", is_closed=True),
        notes.base_kept(LATE),
        *notes.Leftover,
    ],
    programs: [
        programs.not_on_path("fix", "/usr/bin:/bin"),
        programs.missing(programs.wanted_by("/srv/fix", "node")),
        programs.missing("/srv/fix", "/opt/fix"),
        programs.missing_in_repository("scripts/fix.sh"),
        programs.no_program("/srv/fix"),
        programs.not_tried("fix", "Permission denied"),
        programs.hidden("/home/ada/bin/fix", "/home/ada/bin"),
        programs.mentions_hidden("fix", "/home/ada/bin/tool", "/home/ada/bin"),
        programs.of_command("implement", programs.no_program("/srv/fix")),
        programs.network(is_on=True),
        programs.network(is_on=False),
        programs.as_root(),
        programs.files_open(),
        programs.all_open(),
        programs.ended_with(1),
        programs.no_bubblewrap("no permission"),
    ],
    starts: [
        starts.dotfile_closed("/srv/.env"),
        starts.dotfile_unreadable("/srv/.env", "Is a directory"),
        starts.dotfile_no_text("/srv/.env"),
        starts.database_in_use("batch.db", "process 7 on here since noon"),
        starts.database_in_use("batch.db", ""),
        starts.database_linked("batch.db"),
        starts.database_not_written("batch.db", "Permission denied"),
        starts.database_not_migrated("batch.db", "disk I/O error"),
        starts.database_damaged("batch.db", "file is not a database"),
        starts.database_foreign("batch.db"),
        starts.database_newer("batch.db", {"m010_more", "m009_new"}),
        starts.database_older("batch.db"),
        starts.backup_onto_itself("batch.db"),
        starts.address_taken("localhost", 3000, "Address already in use"),
        starts.no_such_action("frobnicate", "mine:ACTION"),
        starts.part_died(),
        starts.no_such_worker("slurm", ["local", "dask"]),
        starts.no_worker_made("local", "mine:make"),
        starts.no_dask(),
        starts.no_pool_named(),
        starts.no_pool_files(["/etc/batch-bot/ca.pem"]),
        starts.pool_not_opened("tls://pool:8786", "Address already in use"),
        starts.pool_files_unfit("key values mismatch"),
        starts.tokens_not_served("bot.example.com:8788", "Address already in use"),
        starts.folder_in_use("/srv/data/worker"),
        starts.git_unfit("git is 2.30, and 2.38 is the oldest that will do"),
        starts.other_version("batch-bot 0.2.0", "batch-bot 0.3.0"),
    ],
}


def test_short_words_read_as_reviewed():
    parts = [
        "\n".join([f"## {_name(module)}", "", *(f"- {one}" for one in said)])
        for module, said in SAID.items()
    ]
    assert_golden("notes", "\n\n".join(parts))


def test_all_of_them_are_shown():
    own = Path(__file__).read_text()
    hidden = [
        f"{_name(module)}.{name}"
        for module in SAID
        for name, made in inspect.getmembers(module, inspect.isfunction)
        if made.__module__ == module.__name__ and not name.startswith("_")
        if f"{_name(module)}.{name}(" not in own
    ]
    assert hidden == []


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]
