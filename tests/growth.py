"""How the time that something takes grows with its size, on a busy machine too."""

import time
from collections.abc import Callable


def assert_linear(work: Callable[[int], object], size: int) -> None:
    """Check that work of a size takes about four times that of a quarter of it.

    Loops in loops would take sixteen times. What else the machine does makes single
    measurements too long, never too short for all of them: one good pair in five counts.
    """
    pairs = []
    for _ in range(5):
        small, large = _seconds(work, size // 4), _seconds(work, size)
        if large < 9 * small + 0.005:
            return
        pairs.append((round(small, 4), round(large, 4)))
    raise AssertionError(f"seconds for {size // 4} and for {size}: {pairs}")


def _seconds(work: Callable[[int], object], size: int) -> float:
    started = time.process_time()
    work(size)
    return time.process_time() - started
