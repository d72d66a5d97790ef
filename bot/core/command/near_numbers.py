"""What is nearly a number or a reference, and which numbers it names."""

import re

from bot.core.world.references import MAX_DIGITS

_LOOKALIKES = str.maketrans("lIOo", "1100")
_SEPARATED = re.compile(r"#?[0-9]+(?:[^0-9A-Za-z\s>]+[0-9]+)+\Z", re.ASCII)
_RANGE_MARK = "(?:\\.{2,}|[-\u2013\u2014\u2025\u2026])"
NO_RANGE = re.compile(
    rf"#?[0-9]+(?:{_RANGE_MARK}#?[0-9]+){{2,}}\Z"  # 12..15..18
    rf"|#?[0-9]+(?:\.{{2,}}|[\u2025\u2026])\Z|(?:\.{{2,}}|[\u2025\u2026])#?[0-9]+\Z"  # 12..
)
_DECORATED = re.compile(
    r"[\"'`*_({\[<]*(#?[0-9]+)(?:[\"'`*_)}\]>;:!?\u2026]|\.(?!\.))*\Z", re.ASCII
)
_KIND_BEFORE = re.compile(
    r"(?:pr|pull|issue|item|ticket|gh)s?[#/-]?([1-9][0-9]{0,8})\Z", re.IGNORECASE
)
_PATH = re.compile(
    r"(?P<site>(?:[\w-]+\.)+[a-z]{2,}/)?"
    r"(?P<repository>[\w.-]+/[\w.-]+)/(?:issues|pull)/(?P<number>[1-9][0-9]{0,8})\Z",
    re.IGNORECASE,
)


def meant_numbers(text: str) -> str | None:
    """Return the numbers that something close to them names, and no other."""
    if path := _PATH.match(text[:200]):
        if path["site"]:
            return f"https://{text}"
        return f"{path['repository']}#{path['number']}"
    if len(text) > 60 or not text.isascii():
        return None
    if found := _KIND_BEFORE.match(text):
        return found[1]
    if found := _DECORATED.match(text):
        return found[1] if found[1].strip("#0") else None
    if _SEPARATED.match(text) and not NO_RANGE.match(text):
        digits = re.findall(r"#?[0-9]+", text)
        is_plain = all(one.lstrip("#")[:1] != "0" for one in digits)
        return " ".join(digits) if is_plain and len(digits) <= 20 else None
    plain = text.removeprefix("#").translate(_LOOKALIKES)
    has_digit = any(one.isdigit() for one in text)
    is_number = has_digit and plain.isdigit() and len(plain) <= MAX_DIGITS
    return plain if is_number and plain[0] != "0" else None
