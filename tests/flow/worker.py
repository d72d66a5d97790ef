"""The named command of the flow tests: does what the item's text tells it to.

Lines of the issue's body: ``write PATH TEXT``, ``say TEXT``, ``cat PATH``, ``result
PATH`` (what it says of its work is in that file), ``review NAME TEXT`` (what it says of
a pull request, into that file), ``tell VARIABLE``, ``known KEY`` (of the item), ``exit CODE``, ``exit
CODE once`` (on the first try only), ``exit CODE unless PATH`` (exists), ``ignore`` (being told to end), ``hang``, ``wait PATH`` (until that file exists).
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    item = json.loads(Path(os.environ["BATCH_ITEM_FILE"]).read_text())
    for line in item.get("issue", item)["body"].splitlines():
        verb, _, rest = line.partition(" ")
        match verb:
            case "write":
                path, _, text = rest.partition(" ")
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                Path(path).write_text(text + "\n")
            case "say":
                sys.stdout.write(rest + "\n")
                sys.stdout.flush()
            case "cat":
                sys.stdout.write(Path(rest).read_text())
                sys.stdout.flush()
            case "result":
                result = json.dumps(
                    {"title": "Done", "summary": Path(rest).read_text()}
                )
                (Path(os.environ["BATCH_OUTPUT"]) / "result.json").write_text(result)
            case "review":
                name, _, text = rest.partition(" ")
                (Path(os.environ["BATCH_OUTPUT"]) / name).write_text(text)
            case "known":  # of the item
                sys.stdout.write(f"{rest}: {json.dumps(item.get(rest))}\n")
                sys.stdout.flush()
            case "tell":
                sys.stdout.write(f"{rest}={os.environ.get(rest, '')}\n")
                sys.stdout.flush()
            case "exit":
                code, _, when = rest.partition(" ")
                if _is_so(when):
                    return int(code)
            case "fork":  # a child that nobody waits for
                argv = [sys.executable, "-c", "import time; time.sleep(3600)"]
                subprocess.Popen(argv, start_new_session=True)  # noqa: S603 - its own
            case "ignore":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            case "hang":
                _park()
                time.sleep(3600)
            case "wait":
                parked = _park(until=rest)
                while not Path(rest).exists():
                    time.sleep(0.02)
                parked.unlink()
    return 0


def _park(until: str = "") -> Path:
    """Say that this process waits, for ``tests.jumping``; return where it is said."""
    said = Path(os.environ["TMPDIR"], "parked")
    said.with_suffix(".new").write_text(f"{os.getpid()} {until}")
    return said.with_suffix(".new").rename(said)


def _is_so(when: str) -> bool:
    if when.startswith("unless "):
        return not Path(when.removeprefix("unless ")).exists()
    return when != "once" or os.environ["BATCH_ATTEMPT"].endswith("-1")


if __name__ == "__main__":
    sys.exit(main())
