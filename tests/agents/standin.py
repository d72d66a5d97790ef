"""Stands for the API of a model: answers with one command to run, or one file to write.

It speaks as much of Anthropic's messages, OpenAI's responses and OpenAI's chat
completions as agents need; each answer is a stream where one is asked for.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

COMMAND = 'echo "fixed by an agent" > "agent-$BATCH_ITEM.txt"'
"""What it has the agent run to implement an issue; the variables are the bot's."""

REVIEW = (
    'line=$(grep -c "^+[^+]" "$BATCH_DIFF_FILE") && printf \'{"summary": "By an agent.",'
    ' "comments": [{"path": "%s", "line": %s, "body": "Why?"}]}\''
    ' "$(git diff --name-only "$BATCH_MERGE_BASE")" "$line" > "$BATCH_OUTPUT/result.json"'
)
"""What it has the agent run to review a change of one file that adds lines to it."""

_USAGE = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
Json = Mapping[str, Any]


@dataclass
class Model:
    """The running stand-in, with what it was asked."""

    command: str
    url: str = ""
    asked: list[tuple[str, Json]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            return web.json_response({"data": [], "models": [], "has_more": False})
        asked = await request.json()
        self.asked.append((request.path, asked))
        if request.path.endswith("/messages"):
            return await _messages(request, asked, self.command)
        if request.path.endswith("/responses"):
            return await _responses(request, asked, self.command)
        if request.path.endswith("/chat/completions"):
            return web.json_response(_completion(asked))
        return web.json_response({"input_tokens": 1})


@asynccontextmanager
async def model(command: str = COMMAND) -> AsyncIterator[Model]:
    made = Model(command)
    app = web.Application(client_max_size=100 * 1024**2)
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
    finally:
        await runner.cleanup()


async def _stream(request: web.Request, events: list[Json]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for event in events:
        text = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
        await response.write(text.encode())
    return response


async def _messages(
    request: web.Request, asked: Json, command: str
) -> web.StreamResponse:
    has_tool = any(tool.get("name") == "Bash" for tool in asked.get("tools", ()))
    is_done = "tool_result" in json.dumps(asked["messages"])
    if has_tool and not is_done:
        call = {"command": command, "description": "Fix it"}
        block = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(call)}
        whole = {**block, "input": call}
        reason = "tool_use"
    else:
        block = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": "Done."}
        whole = {"type": "text", "text": "Done."}
        reason = "end_turn"
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _USAGE,
    }
    if not asked.get("stream"):
        return web.json_response({**message, "content": [whole], "stop_reason": reason})
    ended = {"stop_reason": reason, "stop_sequence": None}
    return await _stream(
        request,
        [
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": ended, "usage": _USAGE},
            {"type": "message_stop"},
        ],
    )


def _call(tools: list[Json], command: str) -> Json:
    """Return a call of whichever tool runs commands: its name changes with versions."""
    names = {tool.get("name", tool.get("type")) for tool in tools}
    arguments: Mapping[str, Any]
    if "exec_command" in names:
        name, arguments = "exec_command", {"cmd": command}
    elif "shell_command" in names:
        name, arguments = "shell_command", {"command": command}
    else:
        name, arguments = "shell", {"command": ["sh", "-c", command]}
    return {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": name,
        "arguments": json.dumps(arguments),
    }


async def _responses(
    request: web.Request, asked: Json, command: str
) -> web.StreamResponse:
    is_done = "function_call_output" in json.dumps(asked["input"])
    item = (
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Done.", "annotations": []}],
        }
        if is_done
        else _call(asked.get("tools", []), command)
    )
    response = {"id": "resp_1", "object": "response", "output": []}
    return await _stream(
        request,
        [
            {"type": "response.created", "response": response},
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {
                "type": "response.completed",
                "response": {**response, "output": [item], "usage": _USAGE},
            },
        ],
    )


def _completion(asked: Json) -> Json:
    words = json.dumps(asked["messages"])
    number = next(n for n in ("12", "15") if f"Item {n}" in words)
    text = f"agent-{number}.txt\n```\nfixed by an agent\n```\n"
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": asked["model"],
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text},
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
