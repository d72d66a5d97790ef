import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.actions.table import ACTIONS
from bot.core.command.guesses import meant, slip_of
from bot.core.command.vocabulary import (
    BATCH_OPTIONS,
    CONTROLS,
    STRANGERS,
    SYNONYMS,
)

WORDS = (*CONTROLS, *ACTIONS)

OTHER_WORDS = """
able about agree answer apply ask back bake ban base bring bug build bump call car care
cat chance change chart check clean clear clause click cloud code come connect count cover craft
crash cut date debug decide design despair do done down drop dump easy enter entry fail
failed fetch file find first format found free fun get give grant group grow hand handle
heap held hello home hope house how idea import improve index input insert install instead
item job join keep key kick know large last late lead learn leave left light like line link
load local look loop lower main make man map mark match mean measure meet mention mind miss
mode more most mount name need new next none note notice offer old one order other owner
pack page part party pass past patch path people phase phrase pick ping place play
point pool port post power press print process prune public pulse purge put quick quit raise
rate reach real really reject remind repair repeat replace report reset rest return
revise revive rewrite right role roll round rule safe save scan see seed select send serve
set share ship shot side sign slip small solid some sort source spec speed split squeeze
stage stand step store strong stuff style submit suit sum sure switch table take
talk task tell term test text thing think time today too top touch trace track train trash
tree try turn type use user verify version view visit walk want warm watch way week well
what where which who whom will win word work world write wrong year yes zip closed merged
cancelled paused running waiting
"""


@pytest.mark.parametrize("word", sorted({*OTHER_WORDS.split()} - SYNONYMS.keys()))
def test_a_word_of_its_own_is_no_slip_of_ours(word):
    assert meant(word, WORDS) == ""


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("cancle", "cancel"),
        ("canel", "cancel"),
        ("ancel", "cancel"),
        ("mrge", "merge"),
        ("lcose", "close"),
        ("labels", "label"),
        ("implmenet", "implement"),
        ("wyh", "why"),
        ("RETYR", "retry"),
        ("stpo", "cancel"),
        ("shwo", "status"),
        ("rebsae", "update"),
        ("undo", "undo"),
        ("clon", ""),
    ],
)
def test_a_slip_of_the_hand_is_recognised(word, found):
    assert meant(word, WORDS) == found


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("v2.5.0", "v2.4.0"),
        ("release-12", "release-21"),
        ("sprint-7", "sprint-77"),
        ("area", "area1"),
        ("linus2", "linus"),
    ],
)
def test_another_number_is_no_slip(name, other):
    assert slip_of(name, [other]) == slip_of(other, [name]) == ""


def test_letters_beside_a_number_may_slip():
    assert slip_of("relaese-12", ["release-12", "release-13"]) == "release-12"


@st.composite
def slips(draw):
    """Return a word of five letters or more, and the word with one slip in it."""
    known = draw(st.sampled_from([w for w in (*WORDS, *BATCH_OPTIONS) if len(w) > 4]))
    at = draw(st.integers(1, len(known) - 1))
    letter = draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    rest = known[at:]
    slip = draw(
        st.sampled_from(
            [letter + rest, letter + rest[1:], rest[1:], rest[1:2] + rest[0] + rest[2:]]
        )
    )
    return known, known[:at] + slip


@settings(deadline=None)
@given(slips())
def test_one_slip_leads_back_or_nowhere(slip):
    known, word = slip
    found = slip_of(word, (*WORDS, *BATCH_OPTIONS))
    assert found in (known, "") or word in (*WORDS, *BATCH_OPTIONS)


@settings(deadline=None)
@given(st.text("abcdefghijklmnopqrstuvwxyz-", max_size=50))
def test_a_guess_has_most_of_the_letters_that_were_typed(word):
    found = meant(word, WORDS)
    known = [one for one, means in SYNONYMS.items() if means == found]
    assert not found or any(
        len(set(word) ^ set(one)) <= 6 and abs(len(word) - len(one)) <= 3
        for one in (found, *known)
    )


def test_no_word_of_other_programs_is_one_of_the_language():
    assert not SYNONYMS.keys() & set(WORDS)
    assert not STRANGERS.keys() & set(WORDS)
