"""The description of the API, from the table of its operations.

Source:
    https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

import edgefuse
from edgefuse.console.access import CSRF
from edgefuse.console.operation import JSON, Fault, Operation

Schema = dict[str, Any]
"""A piece of JSON, whose form is the specification's."""

_REF = "#/components/schemas/{name}"
_COMMON = {400: "What was sent does not fit.", 503: "The database, the broker or the site cannot be reached now."}
_IDENTIFIED = {401: "Nobody knows who asks.", 429: "Too many wrong tokens came from this address."}
_CHANGING = {403: "A viewer may not, or X-CSRF is missing.", 413: "It is too large.", 415: "It is not JSON."}


class Document(msgspec.Struct, frozen=True):
    """A description of an API."""

    openapi: str
    """Version of the specification."""


def make_operation(operations: Sequence[Operation], cookie: str) -> Operation:
    """Give the operation that describes others, and itself."""
    operation = Operation(
        "GET",
        "/openapi.json",
        "describe",
        "This description.",
        "viewer",
        lambda _: Response(described, media_type=JSON),
        Document,
    )
    described = describe([*operations, operation], cookie)
    return operation


def describe(operations: Iterable[Operation], cookie: str) -> bytes:
    """Give the description as JSON."""
    operations = list(operations)
    kinds = [kind for operation in operations for kind in (operation.answer, operation.body)]
    schemas, components = msgspec.json.schema_components([*kinds, Fault], ref_template=_REF)
    paths: dict[str, Schema] = {}
    for operation, answer, body in zip(operations, schemas[0:-1:2], schemas[1:-1:2], strict=True):
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation, answer, body)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "edgefuse console",
            "version": edgefuse.__version__,
            "description": "What the console's page does, for programs: log in with a token in Authorization.",
        },
        "paths": paths,
        "components": {
            "schemas": _translate(components),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": cookie},
            },
        },
    }
    return msgspec.json.encode(document)


def _describe(operation: Operation, answer: Schema, body: Schema) -> Schema:
    described: Schema = {
        "operationId": operation.name,
        "summary": operation.about,
        "parameters": list(_list_parameters(operation)),
        "responses": {
            "200": {"description": "Done.", "content": {operation.media: {"schema": _translate(answer)}}},
            **{str(status): _describe_fault(about) for status, about in _list_faults(operation).items()},
        },
    }
    if operation.role is not None:
        described["security"] = [{"token": []}, {"cookie": []}]
        described["description"] = f"For the role {operation.role}."
    if operation.has_body:
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": _translate(body)}}}
    return described


def _list_faults(operation: Operation) -> Mapping[int, str]:
    faults = dict(_COMMON)
    if operation.role is not None:
        faults |= _IDENTIFIED
    if operation.method != "GET":
        faults |= _CHANGING
    return dict(sorted({**faults, **operation.faults}.items()))


def _describe_fault(about: str) -> Schema:
    return {"description": about, "content": {JSON: {"schema": {"$ref": _REF.format(name=Fault.__name__)}}}}


def _list_parameters(operation: Operation) -> Iterator[Schema]:
    if operation.has_device:
        yield {"name": "device", "in": "path", "required": True, "schema": {"type": "string"}}
    if operation.method != "GET" and operation.role is not None:
        about = "From the login; not needed with a token in Authorization."
        yield {"name": CSRF, "in": "header", "required": False, "description": about, "schema": {"type": "string"}}
    for field in msgspec.structs.fields(operation.query):
        (schema,), _ = msgspec.json.schema_components([field.type])
        plain = {key: value for key, value in schema.items() if key != "default"}
        yield {"name": field.encode_name, "in": "query", "required": field.required, "schema": _translate(plain)}


def _translate(schema: Any) -> Any:
    r"""Give a schema whose patterns every language reads: Python's ``\Z`` is the others' ``$``."""
    if isinstance(schema, dict):
        return {
            key: re.sub(r"\\Z$", "$", value) if key == "pattern" else _translate(value) for key, value in schema.items()
        }
    return [_translate(part) for part in schema] if isinstance(schema, list) else schema
