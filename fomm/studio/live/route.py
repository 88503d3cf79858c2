"""The one address that camera frames go to: a JPEG in, the marked JPEG of the photo out, in one request.

The page asks with the key that its visitor got when they went live, so nobody can feed or read another's stream; a
frame is the answer to the request that brought its camera frame and is kept nowhere. Requests of other sites or without
login where one is needed do not come through the studio's doors; larger ones than a frame are not read to the end.
"""

from __future__ import annotations

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fomm.errors import FommError, MediaError
from fomm.studio import words
from fomm.studio.live.streams import MOST_BYTES, LiveStream, LiveStreams
from fomm.studio.live.words import ENDED
from fomm.tasks.live import LiveFrame

PATH = "/live/frame"
KEY_HEADER, TOLD_HEADER = "x-fomm-live", "x-fomm-told"
_UNKEPT = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class _RefusedError(Exception):
    """A request that gets no frame: HTTP status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def live_route(streams: LiveStreams) -> Route:
    """Return the route of a studio's live frames."""

    async def frame(request: Request) -> Response:
        try:
            stream = _stream(request, streams)
            made = await _made(stream, await _body(request))
        except _RefusedError as refused:
            return JSONResponse({"error": str(refused)}, status_code=refused.status, headers=_UNKEPT)
        if made is None:
            return Response(status_code=204, headers=_UNKEPT)
        told = {"hint": made.hint, "recorded": made.recorded, "ms": round(made.seconds * 1e3, 1)}
        return Response(made.jpeg, media_type="image/jpeg", headers={**_UNKEPT, TOLD_HEADER: json.dumps(told)})

    return Route(PATH, frame, methods=["POST"])


def _stream(request: Request, streams: LiveStreams) -> LiveStream:
    """Return the stream that a request may use."""
    key = request.headers.get(KEY_HEADER, "")
    stream = streams.get(key)
    if stream is None:
        last = streams.last_words(key)
        raise _RefusedError(410, words.explain(*last) if last else ENDED)
    return stream


async def _made(stream: LiveStream, data: bytes) -> LiveFrame | None:
    """Return the photo's next frame, None when the camera's was overtaken."""
    try:
        return await run_in_threadpool(stream.frame, data)
    except MediaError as error:
        raise _RefusedError(422, str(error)) from error
    except FommError as error:
        raise _RefusedError(410, words.explain(error, stream.photo)) from error


async def _body(request: Request) -> bytes:
    """Read the request's body, no further than it may go."""
    read = bytearray()
    async for part in request.stream():
        read += part
        if len(read) > MOST_BYTES:
            raise _RefusedError(413, f"A camera frame has at most {MOST_BYTES} bytes.")
    return bytes(read)
