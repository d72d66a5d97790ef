"""Packages that are installed beside the bot, and taken away again."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest


class Package:
    """An installed package, as ``importlib.metadata`` finds it; *points* by group."""

    def __init__(
        self,
        folder: Path,
        name: str,
        text: str,
        points: Mapping[str, Mapping[str, str]],
        patch: pytest.MonkeyPatch,
    ) -> None:
        self._folder = folder
        self._name = name
        told = folder / f"{name}-1.0.dist-info"
        told.mkdir(parents=True)
        (told / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n")
        lines = [
            f"[{group}]\n" + "".join(f"{n} = {name}:{what}\n" for n, what in of.items())
            for group, of in points.items()
        ]
        (told / "entry_points.txt").write_text("\n".join(lines))
        (folder / f"{name}.py").write_text(text)
        patch.syspath_prepend(folder)

    def remove(self) -> None:
        """Uninstall it; the next start of the bot does not know it."""
        shutil.rmtree(self._folder)
        sys.modules.pop(self._name, None)
