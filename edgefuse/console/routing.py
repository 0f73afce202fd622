"""From a request to an operation and back: who asks, what was sent, errors as answers."""

from __future__ import annotations

import gzip
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from edgefuse.console.access import Access
from edgefuse.console.operation import JSON, Asked, Fault, Identity, Nothing, Operation, RefusedError
from edgefuse.console.threads import call_in_thread
from edgefuse.errors import EdgefuseError
from edgefuse.fleet.sending import SilentError
from edgefuse.link.messages import encode

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 2 << 20
"""The names of ten thousand devices have a third of it."""
MAX_STRANGERS_BODY_BYTES = 4 << 10
"""A token has a hundredth of it; strangers may send on all connections at once."""
GZIP_BYTES = 1400
"""What fits into one packet anyway."""
GZIP_LEVEL = 1
LATER, SILENT, DEFECT = 503, 504, 500


def make_routes(operations: Iterable[Operation], access: Access, cookie: str) -> Iterator[Route]:
    """Give a route for each path."""
    by_path: defaultdict[str, dict[str, Operation]] = defaultdict(dict)
    for operation in operations:
        by_path[operation.path][operation.method] = operation
    for path, by_method in by_path.items():
        route = Route(path, partial(_dispatch, by_method, access, cookie), name=path)
        route.methods = None  # all of them come here, and HEAD, which a stream would answer for ever, does not go on
        yield route


async def _dispatch(by_method: Mapping[str, Operation], access: Access, cookie: str, request: Request) -> Response:
    operation = by_method.get(request.method)
    if operation is None:
        allowed = ", ".join(by_method)
        return make_fault(405, f"cannot {request.method} here: this takes {allowed}", {"Allow": allowed})
    try:
        return await _answer(operation, access, cookie, request)
    except EdgefuseError as e:
        return _refuse(e)
    except ClientDisconnect:
        return Response(status_code=400)
    except Exception:  # the outermost of a request: a defect in one must not end the others
        logger.exception("request failed operation=%s", operation.name)
        return make_fault(DEFECT, "cannot answer: edgefuse failed at it; its journal says how")


def make_fault(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """Give an answer that says why something was not done."""
    return Response(encode(Fault(text)), status, headers, JSON)


async def tell_missing(_request: Request, error: Exception) -> Response:
    """Answer for what no operation is for."""
    assert isinstance(error, HTTPException)
    text = {404: "cannot find it: there is nothing at this address; /openapi.json has all there is"}
    reason = text.get(error.status_code, f"cannot do this: {error.detail.lower()}")
    return make_fault(error.status_code, reason, error.headers)


async def _answer(operation: Operation, access: Access, cookie: str, request: Request) -> Response:
    who: Identity | None = None
    if operation.role is not None:
        who = await call_in_thread(partial(access.check, request, operation.role, cookie))
    asked = Asked(
        request,
        who,
        request.path_params.get("device", ""),
        _read_query(request, operation),
        await _read_body(request, operation),
    )
    answer = await call_in_thread(lambda: operation.perform(asked))
    return answer if isinstance(answer, Response) else _pack(request, encode(answer))


def _read_query(request: Request, operation: Operation) -> msgspec.Struct:
    """Read the options in the address.

    Raises:
        RefusedError: They do not fit.
    """
    known = set(operation.query.__struct_encode_fields__)
    for key in request.query_params:
        if key not in known or len(request.query_params.getlist(key)) > 1:
            raise RefusedError(
                400, f"cannot take option '{key[:64]}': there is no such option here, or it is there twice"
            )
    return _convert(lambda: msgspec.convert(dict(request.query_params), operation.query, strict=False))


async def _read_body(request: Request, operation: Operation) -> msgspec.Struct:
    """Read what was sent along.

    Raises:
        RefusedError: It does not fit.
    """
    if not operation.has_body:
        return Nothing()
    media = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media != JSON:  # which no other site's form can send
        raise RefusedError(415, f"cannot read a body of type '{media[:64]}': send {JSON}")
    limit = MAX_STRANGERS_BODY_BYTES if operation.role is None else MAX_BODY_BYTES
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise RefusedError(413, f"cannot read the body: it has more than {limit} bytes")
    return _convert(lambda: msgspec.json.decode(body, type=operation.body))


def _convert(read: Callable[[], msgspec.Struct]) -> msgspec.Struct:
    try:
        return read()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise RefusedError(400, f"cannot read the request: {e}") from e


def _pack(request: Request, content: bytes) -> Response:
    headers = {"Vary": "Accept-Encoding"}
    if len(content) >= GZIP_BYTES and takes_gzip(request):
        content, headers["Content-Encoding"] = gzip.compress(content, GZIP_LEVEL), "gzip"
    return Response(content, headers=headers, media_type=JSON)


def takes_gzip(request: Request) -> bool:
    """Tell whether who asked reads gzip."""
    return "gzip" in request.headers.get("Accept-Encoding", "")


def _refuse(error: EdgefuseError) -> Response:
    if isinstance(error, RefusedError):
        return make_fault(error.status, str(error), error.headers)
    return make_fault(SILENT if isinstance(error, SilentError) else LATER, str(error))
