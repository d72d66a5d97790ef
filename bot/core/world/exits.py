"""What the exit code of a command says about how it ended."""

_SIGNALS = {
    1: ("SIGHUP", "its terminal went away"),
    2: ("SIGINT", "it was interrupted"),
    3: ("SIGQUIT", "it was told to quit"),
    4: ("SIGILL", "it was built for another processor, or broke"),
    6: ("SIGABRT", "it gave up by itself"),
    7: ("SIGBUS", "it broke, or the disk or memory ran out"),
    8: ("SIGFPE", "it divided by zero, or the like"),
    9: ("SIGKILL", "it was killed, perhaps for the memory it took"),
    11: ("SIGSEGV", "it broke at an access to memory"),
    13: ("SIGPIPE", "nobody read what it wrote"),
    14: ("SIGALRM", "a timer of its own ran out"),
    15: ("SIGTERM", "it was told to end"),
    24: ("SIGXCPU", "it took too much of the processor"),
    25: ("SIGXFSZ", "it wrote a file larger than commands may"),
    31: ("SIGSYS", "it made a call that the isolation forbids"),
}
"""Linux's numbers; most are the same elsewhere."""


def signal_words(exit_code: int) -> str:
    """Return which signal ended a command, in words; empty if none did.

    Negative codes are signals, and shells and bubblewrap say 128 and its number.
    """
    number = -exit_code if exit_code < 0 else exit_code - 128
    if exit_code >= 0 and number not in _SIGNALS:
        return ""
    name, meaning = _SIGNALS.get(number, (f"signal {number}", ""))
    return f"{name}: {meaning}" if meaning else name
