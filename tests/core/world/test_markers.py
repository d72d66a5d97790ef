from bot.core.world.markdown import fence
from bot.core.world.markers import box, boxes, marker, parse_marker, ticked

KEY = b"secret"
BODY = "\n".join(
    [
        "Controls",
        box("retry", "21", "22", text="Retry #21"),
        box("pause", text="Pause: start nothing new"),
        box("start", "p3d8", text="Start"),
    ]
)


def tick(body: str, verb: str) -> str:
    return body.replace(f"[ ] <!-- batch:{verb}", f"[x] <!-- batch:{verb}")


def test_a_marker_finds_its_kind_and_name_again():
    body = f"{marker('tracking', 'b7k2', KEY)}\n### Batch"
    assert parse_marker(body, KEY) == ("tracking", "b7k2")


def test_a_marker_of_another_key_is_nobodys():
    assert parse_marker(marker("tracking", "b7k2", b"other"), KEY) is None


def test_a_marker_that_was_changed_is_nobodys():
    body = marker("tracking", "b7k2", KEY).replace("b7k2", "c4m9")
    assert parse_marker(body, KEY) is None


def test_a_marker_below_the_first_line_is_no_marker():
    assert parse_marker("\n" + marker("tracking", "b7k2", KEY), KEY) is None


def test_boxes_are_read_with_their_arguments():
    assert boxes(tick(BODY, "pause")) == {
        ("retry", ("21", "22")): False,
        ("pause", ()): True,
        ("start", ("p3d8",)): False,
    }


def test_exactly_the_boxes_that_were_ticked_count():
    old = tick(BODY, "start")
    assert ticked(old, tick(tick(old, "pause"), "retry")) == (
        ("retry", ("21", "22")),
        ("pause", ()),
    )


def test_an_edit_in_the_browser_changes_the_line_ends():
    new = tick(BODY, "pause").replace("\n", "\r\n").replace("[x]", "[X]")
    assert ticked(BODY, new) == (("pause", ()),)


def test_a_box_that_the_bot_did_not_draw_is_ignored():
    forged = box("cancel", text="Cancel")
    assert ticked(BODY, f"{BODY}\n{tick(forged, 'cancel')}") == ()


def test_taking_a_tick_away_asks_for_nothing():
    assert ticked(tick(BODY, "pause"), BODY) == ()


def test_a_box_in_the_last_lines_of_a_log_is_no_box():
    log = fence(["```", "- [ ] <!-- batch:cancel --> x", "````"])
    assert boxes(f"{log}\n{BODY}") == boxes(BODY)
