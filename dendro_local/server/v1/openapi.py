"""``/v1/openapi.json`` and ``/v1/docs``: what the interface is, for programs and for people."""

from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Tag

from dendro_local import __version__, v1
from dendro_local.server.v1.refusals import MEANINGS

__all__ = ["described", "docs_script", "openapi_config", "openapi_json"]

_DESCRIPTION = """
The own interface of a dendro-local hub. What can be read is open to whoever reaches the hub; a
change needs an API key, which `dendro-local users key` makes: `Authorization: Bearer KEY`.

Jobs, definitions and specs are the records of the Dendro contract. URLs of the hub's own files are
given as whoever asks can use them, and taken back so.

Whatever cannot be done is answered with an error of one form, and has changed nothing.
""".strip()

_TAGS = (
    Tag(name="jobs", description="Lists of jobs, single jobs, and changes of them."),
    Tag(name="events", description="Jobs as they change."),
    Tag(name="services", description="Services and their apps."),
    Tag(name="hub", description="The hub itself."),
    Tag(name="blobs", description="Files that clients send as inputs."),
    Tag(name="sync", description="Jobs as they are exchanged with other stores."),
    Tag(name="remotes", description="Places to exchange jobs with, and whom the hub trusts."),
    Tag(name="compute", description="What compute clients on other machines ask."),
)

_STATIC = resources.files("dendro_local.server") / "static"


def openapi_config() -> OpenAPIConfig:
    """How the interface is described, and where."""
    return OpenAPIConfig(
        title="dendro-local",
        version=__version__,
        description=_DESCRIPTION,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        tags=list(_TAGS),
        components=Components(
            security_schemes={
                "apiKey": SecurityScheme(
                    type="http", scheme="bearer", description="An API key of a user of the hub."
                )
            }
        ),
        use_handler_docstrings=True,
        path="/v1/docs",
        render_plugins=[_Page(), _Description()],
    )


@get("/v1/openapi.json", include_in_schema=False)
async def openapi_json(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The description, as a program reads it."""
    return Response(described(request.app), media_type="application/json")


@get("/v1/docs/rapidoc-min.js", include_in_schema=False)
async def docs_script() -> Response[bytes]:
    """What shows the description on the page for people."""
    return Response(
        (_STATIC / "rapidoc" / "rapidoc-min.js").read_bytes(),
        media_type="text/javascript",
        headers={"cache-control": "max-age=86400"},
    )


class _Page(OpenAPIRenderPlugin):
    """The page for people."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The page."""
        return (_STATIC / "docs.html").read_bytes()


class _Description(JsonRenderPlugin):
    """The description beside the page, in place of the framework's own."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The description."""
        return described(request.app)


def described(app: Litestar) -> bytes:
    """The description, with the records as msgspec describes them: as exactly as it checks them."""
    found: bytes | None = app.state.get("openapi")
    if found is None:
        schema = app.openapi_schema.to_schema()
        schema["paths"] = dict(_paths(schema["paths"]))
        schema["components"]["schemas"] = _records()
        found = app.state["openapi"] = msgspec.json.encode(schema)
    return found


def _records() -> Mapping[str, Any]:
    """The JSON schemas of the records, by name."""
    kinds = [getattr(v1, name) for name in v1.__all__]
    records = [kind for kind in kinds if isinstance(kind, type) and kind not in _BASES]
    _, schemas = msgspec.json.schema_components(records, ref_template="#/components/schemas/{name}")
    return schemas


_BASES = (v1.Answer, v1.Question)


def _paths(paths: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for path, item in paths.items():
        yield path, {method: _operation(operation) for method, operation in item.items()}


def _operation(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    """An operation as it is: what the framework says otherwise is put right.

    Its first paragraph is its summary. A query cannot hold null. Whatever is not understood is
    refused in our own form, and an unknown parameter is refused by every route.
    """
    summary, *more = [" ".join(each.split()) for each in operation["description"].split("\n\n")]
    responses: dict[str, Any] = {**operation["responses"], "400": _NOT_UNDERSTOOD}
    if operation["operationId"] == "getConsole":
        responses["200"]["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    parameters = [_parameter(each) for each in operation.get("parameters", ())]
    return {
        **operation,
        "summary": summary.rstrip("."),
        "description": "\n\n".join(more) or summary,
        "responses": dict(sorted(responses.items())),
        "parameters": parameters,
    }


_NOT_UNDERSTOOD = {
    "description": MEANINGS[400],
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorReply"}}},
}


def _parameter(parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    schema = {key: value for key, value in parameter["schema"].items() if key != "description"}
    choices = [each for each in schema.pop("oneOf", ()) if each != {"type": "null"}]
    for each in choices:
        schema |= each
    if isinstance(schema.get("type"), list):
        (schema["type"],) = (each for each in schema["type"] if each != "null")
    if "enum" in schema:
        schema["enum"] = [each for each in schema["enum"] if each is not None]
    kept = ("name", "in", "description", "required")
    return {**{key: parameter[key] for key in kept if key in parameter}, "schema": schema}
