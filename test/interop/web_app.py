"""An OpenAI endpoint without a model, as others' web servers would carry it: as an ASGI application (uvicorn) and on aiohttp.

run: python web_app.py h11|httptools|aiohttp PORT

The model's name chooses how the stream is written; every way says the same: `max_tokens` events of one token, then usage.
"""
import asyncio
import json
import sys

TTFT_S, ITL_S = 0.02, 0.004


def events_of(wish):
    """The events of one answer, as (pause before it, text) with `\n` for ends of lines."""
    tokens = wish.get("max_completion_tokens") or wish.get("max_tokens") or 4
    for i in range(tokens):
        delta = {"content": f"wörd{i} "} if "messages" in wish else None
        choice = {"index": 0, "delta": delta} if delta else {"index": 0, "text": f"wörd{i} "}
        yield (TTFT_S if i == 0 else ITL_S), "data: " + json.dumps({"choices": [choice]}, ensure_ascii=False) + "\n\n"
    end = {"choices": [{"index": 0, "finish_reason": "stop", "delta": {}, "text": ""}]}
    yield 0, "data: " + json.dumps(end) + "\n\n"
    usage = {"prompt_tokens": 7, "completion_tokens": tokens, "total_tokens": 7 + tokens}
    yield 0, "data: " + json.dumps({"choices": [], "usage": usage}) + "\n\n"
    yield 0, "data: [DONE]\n\n"


def pieces_of(wish):
    """(pause, bytes) as they are written: the model's name says in what manner."""
    manner = wish["model"]
    if manner == "broken":
        yield TTFT_S, b'data: {"error": {"message": "the engine fell over", "code": 500}}\n\n'
        return
    for pause, text in events_of(wish):
        if manner == "crlf":
            text = text.replace("\n", "\r\n")
        elif manner == "chatty":
            text = ": a comment\nid: 7\nretry: 100\nevent: message\n" + text
        elif manner == "lines" and text.startswith("data: {"):
            text = text.replace('{"choices"', '{\ndata:"choices"', 1)
        data = text.encode()
        if manner == "bytes":
            for i in range(len(data)):
                yield (pause if i == 0 else 0), data[i:i + 1]
        else:
            yield pause, data


def plain_of(path, wish):
    usage = {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11}
    if path.endswith("/embeddings"):
        return {"object": "list", "data": [{"index": 0, "embedding": [0.5, -0.25]}], "usage": {"prompt_tokens": 7, "total_tokens": 7}}
    choice = {"index": 0, "finish_reason": "stop", "text": "a b c d", "message": {"content": "a b c d"}}
    return {"choices": [choice], "usage": usage}


async def app(scope, receive, send):
    """For ASGI servers."""
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break

    async def answer(status, kind, headers=()):
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind), *headers]})

    if scope["method"] != "POST":
        await answer(404, b"text/plain")
        return await send({"type": "http.response.body", "body": b"no such thing"})
    wish = json.loads(body)
    if wish["model"] == "busy":
        await answer(429, b"application/json", [(b"retry-after", b"3")])
        return await send({"type": "http.response.body", "body": b'{"error": "later"}'})
    if not wish.get("stream"):
        await answer(200, b"application/json")
        return await send({"type": "http.response.body", "body": json.dumps(plain_of(scope["path"], wish)).encode()})
    await answer(200, b"text/event-stream; charset=utf-8")
    for pause, data in pieces_of(wish):
        if pause:
            await asyncio.sleep(pause)
        await send({"type": "http.response.body", "body": data, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def serve_aiohttp(port):
    from aiohttp import web

    async def post(request):
        wish = await request.json()
        if wish["model"] == "busy":
            return web.json_response({"error": "later"}, status=429, headers={"Retry-After": "3"})
        if not wish.get("stream"):
            return web.json_response(plain_of(request.path, wish))
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        for pause, data in pieces_of(wish):
            if pause:
                await asyncio.sleep(pause)
            await stream.write(data)
        return stream

    application = web.Application()
    application.router.add_post("/v1/{rest:.*}", post)
    web.run_app(application, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    if sys.argv[1] == "aiohttp":
        serve_aiohttp(int(sys.argv[2]))
    else:
        import uvicorn
        uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), http=sys.argv[1], log_level="error")
