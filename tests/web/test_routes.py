import asyncio
import gzip
import hashlib
import hmac
import json
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import ClientConnectionError, ClientSession, web
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from bot.core.command.trigger import WAKING, may_matter
from bot.ports.store import Delivery
from bot.web.routes import WebSurface, _checked_json, make_app
from tests import contracts
from tests.fakes import START, FakeClock
from tests.web.conftest import LIMIT, NEXT_SECRET, SECRET, Site, headers, signature
from tests.web.serving import SECRET as SERVED_SECRET

BODY = b'{"action": "opened"}'


@pytest.mark.parametrize("path", ["/api/github/webhooks", "/"])
async def test_a_signed_delivery_is_stored_as_it_came(site: Site, path: str):
    answer = await site.deliver(BODY, path=path)
    assert (answer.status, answer.text) == (202, "stored")
    assert site.stored == {"g-1": Delivery("g-1", "issues", START, BODY)}


async def test_a_known_delivery_is_accepted_again(site: Site):
    assert (await site.deliver(BODY)).status == 202
    answer = await site.deliver(BODY)
    assert (answer.status, answer.text) == (202, "known")


async def test_what_is_no_reason_to_act_is_stored_as_its_guid(site: Site):
    body = b'{"action": "labeled", "issue": {"number": 12}}'
    answer = await site.deliver(body)
    assert (answer.status, answer.text) == (202, "ignored")
    assert site.stored == {"g-1": Delivery("g-1", "issues", START, b"", "ignored")}
    assert site.asked == [("issues", {"action": "labeled", "issue": {"number": 12}})]
    assert (await site.deliver(body)).text == "known"
    figures = (await site.ask("GET", "/metrics")).text
    assert 'batch_deliveries_total{outcome="ignored"} 1.0' in figures
    assert 'batch_deliveries_total{outcome="known"} 1.0' in figures
    assert 'batch_deliveries_total{outcome="stored"} 0.0' in figures


async def test_what_a_stranger_sent_is_not_even_looked_at(site: Site):
    await site.deliver(BODY, X_Hub_Signature_256=signature(BODY, "guess"))
    assert site.asked == []


async def test_a_ping_is_accepted(site: Site):
    assert (await site.deliver(BODY, X_GitHub_Event="ping")).status == 202


async def test_both_secrets_count_while_they_are_rotated(site: Site):
    signed = signature(BODY, NEXT_SECRET)
    assert (await site.deliver(BODY, X_Hub_Signature_256=signed)).status == 202


async def test_another_secret_does_not(site: Site):
    signed = signature(BODY, "guess")
    answer = await site.deliver(BODY, X_Hub_Signature_256=signed)
    assert answer.status == 401
    assert "secret" in answer.text
    assert site.stored == {}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"X_Hub_Signature_256": None}, 401),
        ({"X_Hub_Signature_256": "sha1=" + "0" * 40}, 401),
        ({"X_Hub_Signature_256": "sha256=" + "g" * 64}, 401),
        ({"X_GitHub_Event": None}, 400),
        ({"X_GitHub_Event": "Issues; DROP"}, 400),
        ({"X_GitHub_Event": "x" * 65}, 400),
        ({"X_GitHub_Delivery": None}, 400),
        ({"X_GitHub_Delivery": "../../etc"}, 400),
        ({"X_GitHub_Delivery": "x" * 65}, 400),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Encoding": "gzip"}, 415),
    ],
)
async def test_a_delivery_with_wrong_headers_is_refused(
    site: Site, change: dict[str, Any], status: int
):
    assert (await site.deliver(BODY, **change)).status == status
    assert site.stored == {}


@pytest.mark.parametrize(
    "name", ["X-Hub-Signature-256", "X-GitHub-Event", "X-GitHub-Delivery"]
)
async def test_a_header_that_stands_twice_is_refused(site: Site, name: str):
    lines = [f"{n}: {v}" for n, v in headers(BODY).items()]
    lines.append(f"{name}: {headers(BODY)[name]}")
    lines += ["Host: x", f"Content-Length: {len(BODY)}"]
    request = "POST / HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n"
    head = await site.say(request.encode() + BODY)
    assert head.split()[1] in (b"400", b"401")
    assert site.stored == {}


@pytest.mark.parametrize(
    "signature",
    [
        b"sha256=" + b"\xc3\xa9" * 32,
        b"sha256=" + b"\xff" * 64,
        b"sha256=" + b"0" * 63 + b"\xb2",
        b"sha256=" + b"0" * 64 + b", sha256=" + b"0" * 64,
        b"sha1=" + b"0" * 40 + b"\r\nX-Hub-Signature: sha1=" + b"0" * 40,
    ],
)
async def test_a_signature_of_other_characters_is_refused(site: Site, signature: bytes):
    lines = [f"{n}: {v}" for n, v in headers(BODY).items() if "Signature" not in n]
    lines += ["Host: x", f"Content-Length: {len(BODY)}"]
    head = "POST / HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n"
    said = head.encode() + b"X-Hub-Signature-256: " + signature + b"\r\n\r\n" + BODY
    assert (await site.say(said)).split()[1] in (b"400", b"401")
    assert site.stored == {}


async def test_an_old_signature_alone_is_none(site: Site):
    old = "sha1=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest()
    answer = await site.deliver(BODY, X_Hub_Signature=old, X_Hub_Signature_256=None)
    assert answer.status == 401
    assert site.stored == {}


async def test_form_deliveries_are_told_what_to_set(site: Site):
    answer = await site.deliver(BODY, Content_Type="application/x-www-form-urlencoded")
    assert answer.text == "Set the webhook's content type to application/json."


async def test_a_charset_is_no_other_content_type(site: Site):
    content_type = "application/json; charset=utf-8"
    assert (await site.deliver(BODY, Content_Type=content_type)).status == 202


async def test_a_compressed_body_is_not_unpacked(site: Site):
    packed = gzip.compress(b" " * 50_000_000)
    answer = await site.deliver(packed, Content_Encoding="gzip")
    assert answer.status == 415


HOSTILE = {
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a huge integer": b'{"a": ' + b"9" * 100_000 + b"}",
    "not a number": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "bad UTF-8": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "nothing": b"",
    "cut off": b'{"a": ',
    "two values": b"{} {}",
    "a list": b"[]",
    "a string": b'"{}"',
    "null": b"null",
    "a raw line break": b'{"a": "\n"}',
    "half a character": b'{"a": "\\ud800"}',
    "a byte of Latin-1": '{"a": "\u00e9"}'.encode("latin-1"),
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_hostile_json_is_a_bad_request(site: Site, what: str):
    assert (await site.deliver(HOSTILE[what])).status == 400
    assert site.stored == {}


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.text(alphabet='{}[]":,\\u0019eE+-.aNaI ', max_size=60).map(str.encode),
    )
)
def test_any_bytes_are_an_object_or_a_bad_request(body: bytes):
    try:
        value = _checked_json(body)
    except web.HTTPBadRequest:
        return
    assert value == json.loads(body)


async def test_a_body_over_the_limit_is_refused_before_it_is_read(site: Site):
    request = "\r\n".join(
        [
            "POST / HTTP/1.1",
            "Host: x",
            f"Content-Length: {LIMIT + 1}",
            *(f"{name}: {value}" for name, value in headers(b"").items()),
        ]
    )
    head = await site.say(request.encode() + b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413")


LARGE = b'{"a": "' + b"x" * 1_500_000 + b'"}'


async def test_what_is_large_and_no_reason_to_act_is_kept_without_its_body(site: Site):
    answer = await site.deliver(LARGE, X_GitHub_Event="push")
    assert answer.status == 202
    assert site.stored == {"g-1": Delivery("g-1", "push", START, b"", "ignored")}
    forged = signature(LARGE, "guess")
    answer = await site.deliver(
        LARGE, X_GitHub_Event="push", X_Hub_Signature_256=forged
    )
    assert answer.status == 401
    signed = signature(LARGE, NEXT_SECRET)
    answer = await site.deliver(
        LARGE, X_GitHub_Event="push", X_Hub_Signature_256=signed
    )
    assert (answer.status, answer.text) == (202, "known")


async def test_what_is_large_and_may_matter_is_kept_whole(site: Site):
    assert (await site.deliver(LARGE)).status == 202
    assert site.stored["g-1"].body == LARGE
    answer = await site.deliver(LARGE[:-1], X_GitHub_Delivery="g-2")
    assert answer.status == 400


@pytest.mark.parametrize("changes", [{"max_body_bytes": 25_000_000}])
@pytest.mark.parametrize(
    ("event", "status"), [("issues", 413), ("installation", 202), ("push", 202)]
)
async def test_an_event_may_be_as_large_as_it_can_be(
    site: Site, event: str, status: int
):
    body = b'{"a": "' + b"x" * 5_000_000 + b'"}'
    try:
        answer = await site.deliver(body, X_GitHub_Event=event)
    except ClientConnectionError:
        assert status == 413  # the server hung up while the client still wrote
    else:
        assert answer.status == status
    assert len(site.stored) == (status == 202)


async def test_a_body_of_unknown_length_is_bounded_too(site: Site):
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b" " * 65536

    try:
        async with site.session.post(
            f"http://127.0.0.1:{site.port}/", data=endless(), headers=headers(b"")
        ) as response:
            assert response.status == 413
    except ClientConnectionError:
        pass  # the server answered and hung up while the client still wrote
    assert site.stored == {}


async def test_a_chunked_body_is_accepted(site: Site):
    async def chunks() -> AsyncIterator[bytes]:
        yield BODY[:5]
        yield BODY[5:]

    async with site.session.post(
        f"http://127.0.0.1:{site.port}/", data=chunks(), headers=headers(BODY)
    ) as response:
        assert response.status == 202


@pytest.mark.parametrize("length", ["1000", str(LIMIT)])
async def test_a_slow_body_times_out(site: Site, length: str):
    lines = [f"{name}: {value}" for name, value in headers(BODY).items()]
    lines += ["Host: x", f"Content-Length: {length}"]
    request = "POST / HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n{"
    head = await site.say(request.encode())
    assert head.startswith(b"HTTP/1.1 408")


@asynccontextmanager
async def slow(
    site: Site, sent: bytes, *, senders: int
) -> AsyncIterator[asyncio.StreamReader]:
    """Have large deliveries begun that are not signed and do not go on."""
    lines = [f"{name}: {value}" for name, value in headers(b"").items()]
    lines += ["Host: x", f"Content-Length: {LIMIT}"]
    head = ("POST / HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode()
    async with AsyncExitStack() as stack:
        readers = []
        for _ in range(senders):
            reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
            stack.push_async_callback(writer.wait_closed)
            stack.callback(writer.close)
            writer.write(head + sent)
            await writer.drain()
            readers.append(reader)
        yield readers[0]


@pytest.mark.parametrize("changes", [{"body_seconds": 60.0}])
async def test_slow_bodies_do_not_hold_up_a_large_signed_one(site: Site):
    async with slow(site, b"{", senders=20):
        assert (await site.deliver(LARGE)).status == 202


@pytest.mark.parametrize(
    "changes", [{"body_seconds": 60.0, "room_bytes": 3_000_000, "room_seconds": 0.05}]
)
async def test_large_bodies_that_do_not_end_make_room_for_one_that_does(site: Site):
    async with slow(site, LARGE[:-9], senders=3) as first:
        assert (await site.deliver(LARGE)).status == 202
        assert (await first.readline()).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    "changes", [{"body_seconds": 60.0, "room_bytes": 3_000_000, "room_seconds": 30.0}]
)
async def test_large_signed_bodies_wait_for_each_other(site: Site):
    sent = [site.deliver(LARGE, X_GitHub_Delivery=f"g-{n}") for n in range(12)]
    assert {answer.status for answer in await asyncio.gather(*sent)} == {202}
    assert len(site.stored) == 12


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
async def test_a_malformed_request_is_no_traceback(
    site: Site, caplog: pytest.LogCaptureFixture, request_: bytes
):
    assert (await site.say(request_ + b"\r\n\r\n")).split()[1] == b"400"
    assert [one.levelname for one in caplog.records if one.exc_info] == []


async def test_a_chunk_that_breaks_while_it_is_awaited_is_no_error_of_the_server(
    site: Site,
):
    lines = [f"{name}: {value}" for name, value in headers(BODY).items()]
    lines += ["Host: x", "Transfer-Encoding: chunked", "Expect: 100-continue"]
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(("POST / HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode())
    assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"zz\r\nnonsense")
    status = (await reader.readline()).split()[1]
    assert status in (b"400", b"408")
    writer.close()


async def test_a_client_that_leaves_in_the_middle_is_no_error_of_the_server(site: Site):
    lines = [f"{name}: {value}" for name, value in headers(BODY).items()]
    lines += ["Host: x", f"Content-Length: {len(BODY)}", "Expect: 100-continue"]
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(("POST / HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode())
    assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
    writer.write(BODY[:3])
    writer.close()
    await writer.wait_closed()
    assert (await site.deliver(BODY)).status == 202


async def test_a_store_that_cannot_write_asks_for_another_delivery(site: Site):
    site.is_broken = True
    with structlog.testing.capture_logs() as logs:
        answer = await site.deliver(BODY)
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "10"
    assert logs[0]["event"] == "delivery not stored"
    site.is_broken = False
    assert (await site.deliver(BODY)).status == 202


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_the_webhook_is_posted_to(site: Site, method: str):
    answer = await site.ask(method, "/api/github/webhooks")
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", ["/ping", "/healthz"])
async def test_it_answers_that_it_lives(site: Site, path: str):
    answer = await site.ask("GET", path)
    assert (answer.status, answer.text) == (200, "PONG")


async def test_it_says_why_it_is_not_ready(site: Site):
    assert (await site.ask("GET", "/readyz")).status == 200
    site.reasons = ("the disk is full",)
    answer = await site.ask("GET", "/readyz")
    assert answer.status == 503
    assert json.loads(answer.text) == {
        "ready": False,
        "reasons": ["the disk is full"],
        "notes": [],
    }


async def test_a_wrong_secret_is_a_note_until_a_delivery_is_signed(site: Site):
    async def notes() -> list[str]:
        found = json.loads((await site.ask("GET", "/readyz")).text)
        assert found["ready"]
        return list(found["notes"])

    assert await notes() == []
    with structlog.testing.capture_logs() as logs:
        for body in (BODY, LARGE, BODY):
            forged = signature(body, "of another server")
            answer = await site.deliver(body, X_Hub_Signature_256=forged)
            assert answer.status == 401
    [note] = await notes()
    assert note.startswith("3 deliveries since 15:00:00 UTC with a signature that does")
    assert note.endswith("of the app's webhook; it has a comma, and counts as two")
    warnings = [line for line in logs if line["log_level"] == "warning"]
    assert [line["event"] for line in warnings] == ["delivery refused"]
    assert SECRET not in str(logs) + note
    await site.deliver(BODY)
    assert await notes() == []


async def test_metrics_are_for_this_machine(site: Site):
    await site.deliver(BODY)
    answer = await site.ask("GET", "/metrics")
    assert answer.status == 200
    assert 'batch_deliveries_total{outcome="stored"} 1.0' in answer.text
    for name in ("X-Forwarded-For", "Forwarded", "Via"):
        answer = await site.ask("GET", "/metrics", headers={name: "1.2.3.4"})
        assert answer.status == 403


@pytest.mark.parametrize("changes", [{"metrics_token": "t0ken"}])
async def test_metrics_are_for_who_has_the_token(site: Site):
    async def status(authorization: str) -> int:
        sent = {"Authorization": authorization, "X-Forwarded-For": "1.2.3.4"}
        return (await site.ask("GET", "/metrics", headers=sent)).status

    assert await status("Bearer t0ken") == 200
    assert await status("Bearer t0keN") == 401
    assert await status("Bearer é") == 401
    assert (await site.ask("GET", "/metrics")).status == 401


async def test_every_answer_has_the_security_headers(site: Site):
    for answer in (
        await site.ask("GET", "/ping"),
        await site.ask("GET", "/nowhere"),
        await site.deliver(BODY),
        await site.deliver(b"x"),
    ):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Server"] == "batch-bot"


async def test_the_access_log_names_the_delivery_and_holds_no_query(site: Site):
    with structlog.testing.capture_logs() as logs:
        await site.ask("GET", "/nowhere%0a?token=s3cret")
        await site.ask("GET", "/ping?token=s3cret")
        await site.deliver(BODY)
        await site.deliver(BODY, X_GitHub_Delivery="g 1")
        site.is_broken = True
        await site.deliver(BODY)
    *lines, unnamed, lost, refused = logs
    assert [(line["log_level"], line["path"], line["status"]) for line in lines] == [
        ("info", "/nowhere%0A", 404),
        ("debug", "/ping", 200),
    ]
    assert lost["delivery"] == refused["delivery"] == "g-1"
    assert (unnamed["status"], "delivery" in unnamed) == (400, False)
    assert (lost["event"], refused["status"]) == ("delivery not stored", 503)
    assert "s3cret" not in str(logs)


@pytest.mark.parametrize("secrets", [[], [""], ["good", ""]])
def test_there_is_no_start_without_a_secret(secrets: list[str]):
    site = Site(None)  # type: ignore[arg-type]  # nothing is sent
    with pytest.raises(ValueError, match="secret"):
        make_app(
            WebSurface(
                add_delivery=site.add,
                may_act_on=site.may_act_on,
                secrets=secrets,
                readiness=site.readiness,
                clock=FakeClock(),
                registry=CollectorRegistry(),
            )
        )


async def test_every_example_of_github_is_stored_but_for_news_of_checks(site: Site):
    found = contracts.example_deliveries()
    for number, (event, example) in enumerate(found):
        body = json.dumps(example).encode()
        answer = await site.deliver(
            body, X_GitHub_Event=event, X_GitHub_Delivery=f"g-{number}"
        )
        assert answer.status == 202, (event, answer.text)
    kept = [
        event
        for event, one in found
        if event not in WAKING or may_matter(event, one.get("action"))
    ]
    assert len(site.stored) == len(kept) > 200
    assert len(kept) < len(found)


@pytest.mark.slow
async def test_an_acknowledged_delivery_survives_sigkill(tmp_path: Path):
    database = tmp_path / "batch.db"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.web.serving", str(database)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    acknowledged: list[str] = []

    async def post(session: ClientSession, worker: int) -> None:
        for number in range(10_000):
            sent = headers(BODY, f"{worker}-{number}")
            sent["X-Hub-Signature-256"] = signature(BODY, SERVED_SECRET)
            async with session.post(
                f"http://127.0.0.1:{port}/", data=BODY, headers=sent
            ) as response:
                assert response.status == 202
            acknowledged.append(f"{worker}-{number}")
            if len(acknowledged) == 200:
                process.kill()

    async with ClientSession() as session:
        workers = (post(session, worker) for worker in range(8))
        ends = await asyncio.gather(*workers, return_exceptions=True)
    await process.wait()
    assert all(isinstance(end, ClientConnectionError) for end in ends), ends
    with closing(sqlite3.connect(database)) as connection:
        stored = {
            guid
            for (guid,) in connection.execute(
                "SELECT guid FROM deliveries JOIN delivery_bodies ON delivery_id = id"
                " WHERE body = ?",
                (BODY,),
            )
        }
    assert len(acknowledged) >= 200
    assert set(acknowledged) <= stored


def test_the_surface_does_not_show_its_secrets():
    site = Site(None)  # type: ignore[arg-type]  # nothing is sent
    surface = WebSurface(
        add_delivery=site.add,
        may_act_on=site.may_act_on,
        secrets=["hush"],
        readiness=site.readiness,
        clock=FakeClock(),
        registry=CollectorRegistry(),
        metrics_token="hush",  # noqa: S106 - of tests
    )
    assert "hush" not in repr(surface)
