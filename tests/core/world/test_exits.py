import signal

import pytest

from bot.core.world.exits import _SIGNALS, signal_words


@pytest.mark.parametrize("code", [-11, 139])
def test_a_signal_is_named_whoever_reports_it(code: int):
    assert signal_words(code) == "SIGSEGV: it broke at an access to memory"


@pytest.mark.parametrize("code", [0, 1, 75, 126, 127, 128, 199, 255])
def test_a_code_of_the_command_is_no_signal(code: int):
    assert signal_words(code) == ""


def test_a_signal_without_words_is_still_one():
    assert signal_words(-34) == "signal 34"


def test_the_names_are_those_of_this_machine():
    for number, (name, _) in _SIGNALS.items():
        assert signal.Signals(number).name == name
