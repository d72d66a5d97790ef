import base64
import hashlib
import os
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from bot.core.model import Role
from bot.core.world.budget import Reserve
from bot.errors import SettingsError
from bot.settings import (
    describe,
    load_settings,
    secret_files,
    settings_of_machine,
    variables,
)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ).decode()


KEY = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
NEEDED = {"APP_ID": "123456", "PRIVATE_KEY": KEY, "WEBHOOK_SECRET": "hush"}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's environment, and an empty working directory."""
    for name in os.environ:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def tail(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[-4:]


def problems(**options: str | None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(options)
    return str(caught.value).splitlines()


@pytest.mark.usefixtures("env")
def test_the_defaults_are_those_of_the_design():
    settings = load_settings()
    assert settings.app_id == "123456"
    assert settings.private_key.strip() == KEY.strip()
    assert settings.webhook_secrets == ("hush",)
    assert settings.webhook_path == "/api/github/webhooks"
    assert (settings.host, settings.port) == ("localhost", 3000)
    assert settings.api_url == "https://api.github.com"
    assert settings.database == Path("data/batch.db")
    assert (settings.concurrency, settings.workspaces) == (3, 5)
    assert settings.reserve == Reserve(fraction=0.1)
    assert settings.write_interval_seconds == 1
    assert settings.sweep_seconds == 300
    assert settings.trigger_window_seconds == 90
    assert settings.shutdown_seconds == 25
    assert settings.sandbox == "required"
    assert settings.log_level == "info"
    assert settings.log_format == "json"
    assert settings.commands == {}
    assert settings.allows("any/thing")


@pytest.mark.parametrize(
    ("first", "other"), [(n, o) for n, others in variables().items() for o in others]
)
def test_other_names_are_read_too(env: pytest.MonkeyPatch, first: str, other: str):
    env.setenv(first, value := NEEDED.get(first, "Iv23liAbCdEf12345678"))
    before = load_settings()
    env.delenv(first)
    env.setenv(other, value)
    assert load_settings() == before


def test_an_option_goes_before_the_environment_before_the_file_before_the_default(
    env: pytest.MonkeyPatch,
):
    Path(".env").write_text("PORT=1\nHOST=from-file\nAPP_ID=from-file\nOTHER=1\n")
    env.delenv("APP_ID")
    env.setenv("GH_APP_ID", "from-environment")
    env.setenv("PORT", "2")
    settings = load_settings({"PORT": "3", "HOST": None})
    assert settings.port == 3
    assert settings.host == "from-file"
    assert settings.app_id == "from-environment"
    assert settings.concurrency == 3
    assert load_settings().port == 2


def test_an_empty_string_counts_as_unset(env: pytest.MonkeyPatch):
    Path(".env").write_text("BATCH_CONCURRENCY=\nGHE_HOST=\nPRIVATE_KEY_PATH=\n")
    env.setenv("PORT", "")
    env.setenv("BATCH_RESERVE", "")
    settings = load_settings({"HOST": ""})
    assert (settings.port, settings.host, settings.concurrency) == (
        3000,
        "localhost",
        3,
    )
    assert settings.reserve == Reserve(fraction=0.1)


def test_settings_cannot_be_changed(env: pytest.MonkeyPatch):
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1


@pytest.mark.parametrize(
    "write",
    [
        lambda pem: pem,
        lambda pem: pem.replace("\n", "\\n"),
        lambda pem: f'"{pem.strip()}"',
        lambda pem: pem.replace("\n", "\r\n"),
        lambda pem: base64.b64encode(pem.encode()).decode(),
        lambda pem: base64.encodebytes(pem.encode()).decode(),
        lambda pem: f"\ufeff{pem}",
        lambda pem: f"Bag Attributes\n    friendlyName: app\n{pem}the end\n",
        lambda pem: " ".join(pem.split("\n")),
        lambda pem: f"'{base64.b64encode(pem.encode()).decode()}'",
        lambda pem: base64.b64encode(b"\xef\xbb\xbf" + pem.encode()).decode(),
    ],
    ids=[
        "as it is",
        "escaped",
        "quoted",
        "Windows",
        "base64",
        "base64 in lines",
        "with a byte order mark",
        "with text around it",
        "on one line",
        "base64 in quotes",
        "base64 of a byte order mark",
    ],
)
def test_a_private_key_is_read_in_every_form(env: pytest.MonkeyPatch, write):
    env.setenv("PRIVATE_KEY", write(KEY))
    assert load_settings().private_key == KEY
    env.delenv("PRIVATE_KEY")
    Path("app.pem").write_text(write(KEY), "utf-8")
    env.setenv("PRIVATE_KEY_PATH", "app.pem")
    assert load_settings().private_key == KEY
    Path("app.pem").write_text(write(KEY), "utf-16")
    assert load_settings().private_key == KEY


def test_a_key_with_a_passphrase_is_named_so(env: pytest.MonkeyPatch):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for form in (PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8):
        locked = key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"x"))
        env.setenv("PRIVATE_KEY", locked.decode())
        assert "passphrase; take that off (openssl rsa" in problems()[0]


@pytest.mark.parametrize(
    "written", ["123456\n", '"123456"', " '123456' ", "\ufeff123456", "123456\r\n"]
)
def test_what_files_and_shells_leave_around_a_value_is_taken_off(
    env: pytest.MonkeyPatch, written: str
):
    env.setenv("APP_ID", written)
    env.setenv("WEBHOOK_SECRET", written)
    settings = load_settings()
    assert (settings.app_id, settings.webhook_secrets) == ("123456", ("123456",))


@pytest.mark.usefixtures("env")
def test_an_app_id_has_its_form():
    assert problems(APP_ID="my app") == [
        "APP_ID='my app' does not have the right form, for example APP_ID=123456"
    ]


def test_a_name_that_is_nearly_a_setting_is_told(env: pytest.MonkeyPatch):
    env.setenv("BATCH_CONCURENCY", "3")
    Path(".env").write_text("BATCH_SANBOX=off\nBATCHES=1\n")
    assert problems(PORT="x")[:2] == [
        "BATCH_CONCURENCY is not known; did you mean BATCH_CONCURRENCY?",
        "BATCH_SANBOX is not known; did you mean BATCH_SANDBOX?",
    ]
    assert len(problems()) == 2


def test_what_is_set_up_and_perhaps_not_so_meant_is_doubted(env: pytest.MonkeyPatch):
    Path("bot.yml").write_text("pass_environment: [AGENT_KEY, OTHER_KEY]\n")
    env.setenv("BATCH_FLAVOUR", "sweet")
    env.setenv("OTHER_KEY", "x")
    settings = load_settings({"BATCH_SETTINGS_FILE": "bot.yml"})
    assert settings.doubts() == [
        "pass_environment: AGENT_KEY is not set",
        "BATCH_FLAVOUR is no setting of this version",
    ]


@pytest.mark.parametrize("name", ["PRIVATE_KEY_PATH", "PRIVATE_KEY"])
def test_a_private_key_is_read_from_its_path(env: pytest.MonkeyPatch, name: str):
    Path("app.pem").write_text(KEY)
    env.delenv("PRIVATE_KEY")
    env.setenv(name, "app.pem")
    assert load_settings().private_key == KEY


@pytest.mark.parametrize("behind", ["/bot", "/bot/", "?a=b", "#top", "/?a"])
def test_the_pages_stand_at_the_root_of_their_host(behind: str):
    [problem] = [
        line
        for line in problems(WEB_URL=f"https://bot.example.com{behind}")
        if line.startswith("WEB_URL")
    ]
    assert "has something behind the host: the pages stand at the root" in problem
    assert problem.endswith("for example WEB_URL=https://bot.example.com")


@pytest.mark.usefixtures("env")
def test_a_slash_behind_the_host_of_the_pages_is_no_path():
    options: dict[str, str | None] = {"WEB_URL": "https://bot.example.com:8443/"}
    assert load_settings(options).web_url == "https://bot.example.com:8443"


def test_all_problems_are_told_at_once_each_with_an_example():
    assert problems(
        PORT="99999",
        BATCH_CONCURRENCY="lots",
        BATCH_RESERVE="95%",
        BATCH_SWEEP_SECONDS="soon",
        BATCH_SANDBOX="maybe",
        GHE_HOST="https://github.example.com",
        WEB_URL="bot.example.com",
        WEBHOOK_SECRET="a,b,c",  # noqa: S106 - of tests
    ) == [
        "APP_ID is not set, for example APP_ID=123456",
        "PRIVATE_KEY or PRIVATE_KEY_PATH is needed, for example"
        ' PRIVATE_KEY="$(cat app.private-key.pem)"',
        "WEBHOOK_SECRET must be one secret, or two with a comma between them while you"
        ' rotate, for example WEBHOOK_SECRET="$(openssl rand -hex 32)"',
        "PORT='99999' should be less than or equal to 65535, for example PORT=3000",
        "GHE_HOST='https://github.example.com' does not have the right form, for example"
        " GHE_HOST=github.example.com",
        "WEB_URL='bot.example.com' is no address that begins with https:// or http://,"
        " for example WEB_URL=https://bot.example.com",
        "BATCH_CONCURRENCY='lots' should be a valid integer, unable to parse string as an"
        " integer, for example BATCH_CONCURRENCY=3",
        "BATCH_RESERVE='95%' is neither a percentage up to 90% nor a number of requests,"
        " for example BATCH_RESERVE=10%",
        "BATCH_SWEEP_SECONDS='soon' is no duration; write seconds, or a number with s, m"
        " or h, for example BATCH_SWEEP_SECONDS=300",
        "BATCH_SANDBOX='maybe' should be 'required', 'best-effort' or 'off', for example"
        " BATCH_SANDBOX=required",
    ]


@pytest.mark.usefixtures("env")
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PRIVATE_KEY", "not-a-key", "is no key and cannot be read as a file"),
        ("PRIVATE_KEY", KEY.replace("A", "B"), "is no private key"),
        ("PRIVATE_KEY", base64.b64encode(b"a word").decode(), "is no key and"),
        ("PRIVATE_KEY", base64.b64encode(b"word" * 99).decode(), "is no private key"),
        ("PRIVATE_KEY", pem(ec.generate_private_key(ec.SECP256R1())), "is no RSA key"),
        ("PRIVATE_KEY_PATH", "missing.pem", "No such file"),
        ("WEBHOOK_SECRET", "one,", "two with a comma"),
    ],
)
def test_a_secret_that_does_not_fit_is_not_shown(name: str, value: str, told: str):
    [problem] = problems(**{name: value})
    assert problem.startswith(f"{name} ")
    assert told in problem
    assert value not in problem


@pytest.mark.usefixtures("env")
@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20", 20), ("20s", 20), ("2m", 120), ("1h", 3600), ("12.5", 12.5)],
)
def test_durations_are_seconds_or_have_a_unit(text: str, seconds: float):
    assert load_settings({"BATCH_SWEEP_SECONDS": text}).sweep_seconds == seconds


@pytest.mark.usefixtures("env")
@pytest.mark.parametrize(
    ("text", "of_5000", "shown"),
    [("10%", 500, "10%"), ("750", 750, "750"), ("0", 0, "0")],
)
def test_the_reserve_is_a_part_or_a_number(text: str, of_5000: int, shown: str):
    reserve = load_settings({"BATCH_RESERVE": text}).reserve
    assert reserve.of(5000) == of_5000
    assert str(reserve) == shown


@pytest.mark.usefixtures("env")
@pytest.mark.parametrize(
    ("options", "api", "clone"),
    [
        ({}, "https://api.github.com", "https://github.com/a/b.git"),
        (
            {"GHE_HOST": "github.example.com"},
            "https://github.example.com/api/v3",
            "https://github.example.com/a/b.git",
        ),
        (
            {"GHE_HOST": "ghe.test:8443", "GHE_PROTOCOL": "http"},
            "http://ghe.test:8443/api/v3",
            "http://ghe.test:8443/a/b.git",
        ),
        (
            {"GHE_HOST": "acme.ghe.com"},
            "https://api.acme.ghe.com",
            "https://acme.ghe.com/a/b.git",
        ),
        (
            {"GITHUB_API_URL": "https://ghe.test/api/v3/", "GHE_HOST": "other.test"},
            "https://ghe.test/api/v3",
            "https://ghe.test/a/b.git",
        ),
        (
            {"GITHUB_API_URL": "http://127.0.0.1:4000"},
            "http://127.0.0.1:4000",
            "http://127.0.0.1:4000/a/b.git",
        ),
    ],
)
def test_addresses_follow_from_the_api_base(
    options: dict[str, str], api: str, clone: str
):
    settings = load_settings(options)
    assert settings.api_url == api
    assert settings.clone_url("a/b") == clone


@pytest.mark.usefixtures("env")
@pytest.mark.parametrize(("given", "level"), [("WARN", "warning"), ("trace", "debug")])
def test_probots_log_levels_are_known(given: str, level: str):
    assert load_settings({"LOG_LEVEL": given}).log_level == level


@pytest.mark.usefixtures("env")
def test_the_settings_file_names_commands_repositories_and_bots():
    Path("bot.yml").write_text(
        "commands: {implement: [claude, -p, Do it], tidy: [check]}\n"
        "allowed_repositories: [acme/widgets, Tools/*]\n"
        "allowed_bots: {'Dependabot[bot]': write, helper: triage}\n"
    )
    settings = load_settings({"BATCH_SETTINGS_FILE": "bot.yml"})
    assert settings.commands == {
        "implement": ("claude", "-p", "Do it"),
        "tidy": ("check",),
    }
    assert settings.allows("Acme/Widgets")
    assert settings.allows("tools/hammer")
    assert not settings.allows("acme/gears")
    assert settings.allowed_bots == {
        "dependabot[bot]": Role.WRITE,
        "helper": Role.TRIAGE,
    }


@pytest.mark.usefixtures("env")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "cache: true\ncommands:\n  implement: claude -p",
            "line 3: commands.implement must be a list, [word, word], for example"
            " commands: {implement: [claude, -p, Implement the issue.]}",
        ),
        (
            "commands: {implement: []}",
            "line 1: commands.implement must not be empty, for example commands:",
        ),
        (
            "commands:\n  implement:\n  - sleep\n  - 5",
            "line 4: commands.implement.1 must be text; put it in quotes, for example",
        ),
        ("commands: {Do it: [x]}", "commands.Do it does not have the right form"),
        (
            "commands: {label: [x]}",
            "commands.label means something already: /batch label runs no command; name it",
        ),
        (
            "commands:\n  implement: [x]\n  merge: [y]",
            "line 3: commands.merge means something already: /batch merge runs no"
            " command; name it differently",
        ),
        (
            "commands:\n  review:\n    run: x\n    fork: true",
            "line 3: commands.review.run must be a list, [word, word], for example",
        ),
        ("commands: {review: {forks: true}}", "commands.review.run"),
        ("commands: {review: {run: [x], forks: 1}}", "commands.review.forks must be"),
        ("commands: {cancel: [x]}", "commands.cancel means something already"),
        (
            "cache: true\ncomands: {}",
            "line 2: comands is not known here; did you mean commands?",
        ),
        ("zebra: 1", "zebra is not known here; there is commands, pass_environment,"),
        (
            "network: yes",
            "line 1: network must be true or false, for example network: t",
        ),
        ("cache: 1", "line 1: cache must be true or false"),
        (
            "quota: big",
            "line 1: quota is no size; write a number with MB, GB or TB, for",
        ),
        (
            "allowed_repositories: [widgets]",
            "line 1: allowed_repositories.0 does not have the right form, for example"
            " allowed_repositories: [acme/*]",
        ),
        (
            "allowed_bots: {'a b': write}",
            "allowed_bots.a b does not have the right form",
        ),
        (
            "allowed_bots: ['renovate[bot]']",
            "line 1: allowed_bots must have keys with values, key: value, for example"
            ' allowed_bots: {"renovate[bot]": write}',
        ),
        (
            "allowed_bots: {x: owner}",
            "line 1: allowed_bots.x must be triage, write or maintain, for example",
        ),
        *(
            (
                f"dask: {{ca: /a, cert: /b, key: /c, tokens: {tokens}}}",
                "line 1: dask.tokens is no host with a port from 1 to 65535; write it as"
                " bot.example.com:8788",
            )
            for tokens in (
                "x",
                "8788",
                "true",
                "x:0",
                "x:65536",
                "':1'",
                "'https://x:1'",
            )
        ),
        ("- 1", "line 1: the file must have keys with values, key: value"),
        ("a: [", "is no YAML, line 1: a bracket is not closed"),
        ("cache: true\ncache: false", "is no YAML, line 2: “cache” stands here twice"),
        (
            "pass_environment: [GH_SECRET]",
            "pass_environment names GH_SECRET, a secret of the bot, which commands never",
        ),
    ],
)
def test_a_settings_file_that_does_not_fit_is_explained(text: str, told: str):
    Path("bot.yml").write_text(text)
    problem = "\n".join(problems(BATCH_SETTINGS_FILE="bot.yml"))
    assert problem.startswith("BATCH_SETTINGS_FILE")
    assert told in problem
    assert "for example BATCH_SETTINGS_FILE" not in problem  # it is the right file


@pytest.mark.usefixtures("env")
def test_commands_run_where_the_operator_says_for_each_repository():
    def workers(text: str, **more: str) -> list[list[str]]:
        Path("bot.yml").write_text(text)
        settings = load_settings({"BATCH_SETTINGS_FILE": "bot.yml", **more})
        names = ("acme/Api", "ACME/widgets", "other/site")
        return [list(settings.workers), *map(list, map(settings.workers_of, names))]

    pool = {"BATCH_DASK": "tcp://127.0.0.1:8786"}
    assert workers("") == [["local"]] * 4
    assert workers("", **pool) == [["dask"]] * 4
    assert workers("workers: [one-by-one, local]") == [["one-by-one", "local"]] * 4
    of_each = "workers: {acme/api: [local], acme/*: [slurm]}"
    assert workers(of_each, **pool)[1:] == [["local"], ["slurm"], ["dask"]]
    assert set(workers(of_each, **pool)[0]) == {"local", "slurm", "dask"}
    assert workers('workers: {acme/*: [slurm], "*": [local]}')[1:] == [
        ["slurm"],
        ["slurm"],
        ["local"],
    ]


POOL = {"BATCH_DASK": "tls://bot.example.com:8786", "BATCH_SETTINGS_FILE": "bot.yml"}


def tokens_at(address: str) -> None:
    files = "ca: /a, cert: /b, key: /c"
    Path("bot.yml").write_text(f"dask: {{{files}, tokens: '{address}'}}")


@pytest.mark.usefixtures("env")
@pytest.mark.parametrize(
    ("address", "door"),
    [
        ("bot.example.com:8788", (None, 8788)),
        ("192.0.2.7:8788", (None, 8788)),
        ("[2001:db8::7]:1", (None, 1)),
        ("localhost:65535", ("localhost", 65535)),
        ("127.0.0.1:8788", ("127.0.0.1", 8788)),
        ("[::1]:8788", ("::1", 8788)),
    ],
)
def test_tokens_are_given_on_every_address_but_for_one_of_this_machine_alone(
    address: str, door: tuple[str | None, int]
):
    tokens_at(address)
    settings = load_settings(POOL)
    assert (settings.tokens_at, settings.tokens_door) == (address, door)
    shown = describe(settings)["BATCH_SETTINGS_FILE"]
    assert shown.endswith(f"dask: /a, /b, /c, {address}")
    assert load_settings({**POOL, "BATCH_DASK": ""}).tokens_at == ""


@pytest.mark.parametrize(
    ("address", "variables", "told"),
    [
        (
            "bot.example.com:3000",
            {},
            "dask.tokens='bot.example.com:3000' has the port of the webhook (PORT=3000):"
            " give it another one",
        ),
        (
            "bot.example.com:8786",
            {},
            "dask.tokens='bot.example.com:8786' is where the scheduler is (BATCH_DASK):"
            " give it another port",
        ),
        (
            "127.0.0.1:8788",
            {"BATCH_DASK": "tcp://127.0.0.1:8786"},
            "dask.tokens='127.0.0.1:8788' needs TLS, which keeps tokens from strangers:"
            " leave it out, or have BATCH_DASK begin with tls://",
        ),
    ],
)
@pytest.mark.usefixtures("env")
def test_an_address_for_tokens_that_cannot_be_is_explained(
    address: str, variables: dict[str, str], told: str
):
    tokens_at(address)
    said = problems(**{**POOL, **variables})
    assert said == [f"BATCH_SETTINGS_FILE: {told}"]


def test_a_machine_of_a_pool_listens_at_no_port_of_webhooks(
    monkeypatch: pytest.MonkeyPatch,
):
    for name, value in {**POOL, "PORT": "8788"}.items():
        monkeypatch.setenv(name, value)
    tokens_at("bot.example.com:8788")
    assert settings_of_machine().tokens_at == "bot.example.com:8788"


def test_each_mistake_in_a_settings_file_has_a_line_in_their_order():
    Path("bot.yml").write_text("quota: ten\ncache: 1\nnetwrok: on\n")
    told = "\n".join(problems(BATCH_SETTINGS_FILE="bot.yml"))
    assert re.findall(r"^  line (\d): (\w+)", told, re.MULTILINE) == [
        ("1", "quota"),
        ("2", "cache"),
        ("3", "netwrok"),
    ]


@pytest.mark.usefixtures("env")
def test_an_empty_settings_file_changes_nothing():
    Path("bot.yml").write_text("# nothing yet\n")
    assert load_settings({"BATCH_SETTINGS_FILE": "bot.yml"}).commands == {}


@pytest.mark.usefixtures("env")
def test_secrets_are_never_shown():
    tokens = {"METRICS_TOKEN": "t0ken", "OPERATOR_TOKEN": "0perate"}
    settings = load_settings({"WEBHOOK_SECRET": "hush,hush2", **tokens})
    assert {"t0ken", "0perate"} <= set(settings.secrets)
    described = describe(settings)
    assert list(described) == list(variables())
    assert described["APP_ID"] == "123456"
    shown = f"set (sha256 …{tail('hush')}), set (sha256 …{tail('hush2')})"
    assert described["WEBHOOK_SECRET"] == shown
    assert described["PRIVATE_KEY_PATH"] == "not set"
    assert described["BATCH_RESERVE"] == "10%"
    for text in (repr(settings), str(settings), str(described)):
        for secret in ("hush", "t0ken", "0perate", "PRIVATE KEY-----", KEY[100:140]):
            assert secret not in text


def test_no_variable_hands_a_secret_of_the_bot_to_commands(env: pytest.MonkeyPatch):
    Path("bot.yml").write_text("pass_environment: [SAME]\n")
    env.setenv("SAME", "hush")
    assert "names SAME, a secret" in problems(BATCH_SETTINGS_FILE="bot.yml")[0]


def test_commands_get_what_the_operator_passes_on(
    env: pytest.MonkeyPatch, tmp_path: Path
):
    file = tmp_path / "batch-bot.yml"
    file.write_text("pass_environment: [AGENT_KEY]\nnetwork: true\n")
    env.setenv("AGENT_KEY", "abc")
    settings = load_settings({"BATCH_SETTINGS_FILE": str(file)})
    assert settings.command_environment() == {"AGENT_KEY": "abc"}
    env.delenv("AGENT_KEY")
    Path(".env").write_text("AGENT_KEY=abc\n")
    assert settings.command_environment() == {"AGENT_KEY": "abc"}
    assert settings.doubts() == []
    assert "abc" in settings.secrets
    assert settings.file.network


def test_what_is_shown_to_commands_is_there_and_has_a_whole_path(
    env: pytest.MonkeyPatch, tmp_path: Path
):
    env.setenv("HOME", str(tmp_path))
    (tmp_path / ".nvm").mkdir()
    file = tmp_path / "batch-bot.yml"
    file.write_text("show: [~/.nvm]\ncache: true\n")
    settings = load_settings({"BATCH_SETTINGS_FILE": str(file)})
    assert settings.file.show == [tmp_path / ".nvm"]
    shown = describe(settings)["BATCH_SETTINGS_FILE"]
    assert shown.startswith(f"show: {tmp_path}/.nvm; cache: True; quota: ")
    for wrong, why in (("~/.nvn", "does not exist"), ("nvm", "is no whole path")):
        file.write_text(f"show: [{wrong}]\n")
        with pytest.raises(SettingsError, match=f"line 1: show.0 {wrong} {why}"):
            load_settings({"BATCH_SETTINGS_FILE": str(file)})


@pytest.mark.usefixtures("env")
def test_what_is_left_out_of_changes_is_a_list_of_names_and_paths(tmp_path: Path):
    file = tmp_path / "batch-bot.yml"
    file.write_text("leave_out: [dist, web/generated, '!.env']\n")
    settings = load_settings({"BATCH_SETTINGS_FILE": str(file)})
    assert settings.file.leave_out == ["dist", "web/generated", "!.env"]
    file.write_text("leave_out: ['!']\n")
    with pytest.raises(SettingsError, match="leave_out"):
        load_settings({"BATCH_SETTINGS_FILE": str(file)})


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({}, ""),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"https_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ({"all_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ({"http_proxy": "http://proxy:3128"}, ""),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "github.com,x.org"}, ""),
        (
            {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "x.org"},
            "http://proxy:3128",
        ),
    ],
)
def test_the_api_is_reached_through_the_proxy_of_the_environment(
    env: pytest.MonkeyPatch, variables: dict[str, str], proxy: str
):
    for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy"):
        env.delenv(name, raising=False)
        env.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        env.setenv(name, value)
    assert load_settings().proxy == proxy


def test_files_with_secrets_are_named_to_be_hidden(
    env: pytest.MonkeyPatch, tmp_path: Path
):
    key = tmp_path / "key.pem"
    key.write_text(KEY)
    env.setenv("PRIVATE_KEY_PATH", str(key))
    assert secret_files() == (key,)
