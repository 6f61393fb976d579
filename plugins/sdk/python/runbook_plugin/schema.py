"""From type hints to JSON Schema, and from JSON to dataclasses."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, Literal, Union

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


def schema(hint: Any) -> dict:
    """The schema of a type. `Annotated[T, "description", {"minimum": 1}]` adds
    a description and keywords."""
    if hint is Any:
        return {}
    # Not every hint can be hashed: `Annotated` with a dict in it cannot.
    if isinstance(hint, type) and hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if hint is type(None):
        return {"type": "null"}
    if hint is dict or hint is list:
        return {"type": "object" if hint is dict else "array"}
    if dataclasses.is_dataclass(hint):
        return _object(hint)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        result = schema(args[0])
        for extra in args[1:]:
            result.update({"description": extra} if isinstance(extra, str) else extra)
        return result
    if origin is Literal:
        return {"enum": list(args)}
    if origin is list:
        return {"type": "array", "items": schema(args[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema(args[1])}
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema(arg) for arg in args]}
    raise TypeError(f"{hint!r} has no schema; use dataclasses and the types of JSON")


def _object(cls: type) -> dict:
    hints = typing.get_type_hints(cls, include_extras=True)
    properties, required = {}, []
    for field in dataclasses.fields(cls):
        properties[field.name] = schema(hints[field.name])
        if field.default is not dataclasses.MISSING:
            if field.default is not None:
                properties[field.name]["default"] = field.default
        elif field.default_factory is dataclasses.MISSING:
            required.append(field.name)
    result = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        result["required"] = required
    doc = cls.__doc__
    # A dataclass without a docstring gets its signature as one.
    if doc and not doc.startswith(f"{cls.__name__}("):
        result["description"] = " ".join(doc.split())
    return result


def parse(hint: Any, value: Any, path: str = "") -> Any:
    """The value of a type, or a `ValueError` that says where it does not fit."""
    if hint is Any:
        return value
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return parse(args[0], value, path)
    if dataclasses.is_dataclass(hint):
        return _instance(hint, value, path)
    if origin is Literal:
        return _check(value in args, value, path, f"one of {', '.join(map(str, args))}")
    if origin is list:
        _check(isinstance(value, list), value, path, "a list")
        return [parse(args[0], item, f"{path}/{i}") for i, item in enumerate(value)]
    if origin is dict:
        _check(isinstance(value, dict), value, path, "an object")
        return {key: parse(args[1], item, f"{path}/{key}") for key, item in value.items()}
    if origin in (Union, types.UnionType):
        return _first(args, value, path)
    if hint is float:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(_check(fits, value, path, "a number"))
    if hint is int:
        # JSON does not tell 5 from 5.0.
        value = int(value) if isinstance(value, float) and value.is_integer() else value
        fits = isinstance(value, int) and not isinstance(value, bool)
        return _check(fits, value, path, "an integer")
    return _check(isinstance(value, hint), value, path, f"a {hint.__name__}")


def _first(hints: tuple, value: Any, path: str) -> Any:
    problem = None
    for hint in hints:
        try:
            return parse(hint, value, path)
        except ValueError as error:
            problem = error
    raise problem


def _instance(cls: type, value: Any, path: str) -> Any:
    _check(isinstance(value, dict), value, path, "an object")
    hints = typing.get_type_hints(cls, include_extras=True)
    known = {field.name: field for field in dataclasses.fields(cls)}
    for name in value:
        if name not in known:
            raise ValueError(f"{path}/{name}: unknown; there are {', '.join(known)}")
    given = {name: parse(hints[name], item, f"{path}/{name}") for name, item in value.items()}
    for name, field in known.items():
        missing = dataclasses.MISSING
        if name not in given and field.default is missing and field.default_factory is missing:
            raise ValueError(f"{path}/{name}: is missing")
    return cls(**given)


def _check(fits: bool, value: Any, path: str, what: str) -> Any:
    if not fits:
        raise ValueError(f"{path or '/'}: {value!r} is not {what}")
    return value


def dump(value: Any) -> Any:
    """A dataclass as what `json.dumps` takes."""
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value
