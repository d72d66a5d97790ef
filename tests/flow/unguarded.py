"""In the place of the guard: becomes the command, and looks after nothing."""

import os
import sys

if __name__ == "__main__":
    _leash, _limits, *argv = sys.argv[1:]
    os.execvp(argv[0], argv)  # noqa: S606 - that is the point of it
