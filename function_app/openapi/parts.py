"""The pieces that operations are put together from."""

from typing import Any, Final

from function_app.http import JSON
from function_app.openapi.inputs import Schema
from function_app.openapi.subject import Subject

__all__ = ["NAME", "Shown", "answer", "body", "example_content", "name_parameter", "object_schema", "ref"]

NAME: Final = "[a-z0-9][a-z0-9._-]{0,63}"
Shown = dict[str, tuple[str, Any]]
"""Examples by a name, each with a line on what it shows."""

_REFERENCE: Final = f"^{NAME}(:[1-9][0-9]{{0,8}}|@{NAME})?$"  # as models.parse_reference reads it


def name_parameter(subject: Subject) -> Schema:
    """Return the parameter of a path that names a model."""
    return {
        "name": "name",
        "in": "path",
        "required": True,
        "description": "The model: its name, `name:version` or `name@alias`.",
        "schema": {"type": "string", "pattern": _REFERENCE},
        "example": subject.named or subject.manifest.reference,
    }


def body(name: str, shown: Shown) -> Schema:
    """Return a JSON request body of a schema."""
    return {"required": True, "content": {JSON: example_content(name, shown)}}


def answer(name: str, description: str, shown: Shown) -> Schema:
    """Return a JSON response of a schema."""
    return {"description": description, "content": {JSON: example_content(name, shown)}}


def example_content(name: str, shown: Shown) -> Schema:
    """Return content of a schema, with examples where there are any."""
    content: Schema = {"schema": ref(name)}
    if shown:
        content["examples"] = {key: {"summary": words, "value": value} for key, (words, value) in shown.items()}
    return content


def ref(name: str) -> Schema:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def object_schema(*, required: list[str] | None = None, **properties: Any) -> Schema:
    """Return the schema of an object; all of its properties must be there unless `required` says which."""
    needed = list(properties) if required is None else required
    return {"type": "object", "properties": properties} | ({"required": needed} if needed else {})
