"""What people have put into a form, read back as a JSON value; what cannot be read is said beside its field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from attrs import evolve, frozen

from awaitly_web.bodies import read_json
from awaitly_web.core import Actor, Err, Ok, Result
from awaitly_web.pages.forms import Field, Kind
from awaitly_web.pages.shapes import is_number
from awaitly_web.problems import problem
from awaitly_web.spoofing import Spoofed, spoofed_in
from awaitly_web.values import Request, Response

__all__ = ["Form", "filled", "read_form", "value_of"]

_MOST = 2_000
_LEFT_OUT = object()


@frozen
class Form:
    """The fields of a form that was sent."""

    fields: Mapping[str, Sequence[str]]

    def get(self, name: str) -> str:
        """Give a field, with the line breaks that we know; nothing where it was not sent."""
        return self.fields.get(name, [""])[-1].replace("\r\n", "\n")

    def has(self, name: str) -> bool:
        """Whether a field was sent: a box that is not ticked is not."""
        return name in self.fields

    def spoofed(self, actor: Actor) -> Spoofed | None:
        """Find what the form says of who acts, where it is not who does."""
        return spoofed_in({name: values[-1] for name, values in self.fields.items()}, (), actor)

    def all(self, name: str) -> Sequence[str]:
        """Give all values of a field."""
        return self.fields.get(name, [])


def read_form(request: Request) -> Result[Form, Response]:
    """Read a form's body."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return Err(problem(415, "No form", "send a form"))
    try:
        text = request.body.decode("ascii")
        return Ok(Form(parse_qs(text, keep_blank_values=True, max_num_fields=_MOST, errors="strict")))
    except ValueError:
        return Err(problem(422, "Unreadable form", "this form cannot be read"))


def filled(field: Field, form: Form) -> Field:
    """Put what was sent into the fields, to be shown again."""
    sent = evolve(
        field,
        is_null=field.nullable and form.has(f"{field.name}~null"),
        absent=field.optional and not form.has(f"{field.name}~there"),
    )
    match field.kind:
        case Kind.FIXED | Kind.HIDDEN:
            return sent
        case Kind.GROUP | Kind.LIST:
            return evolve(sent, parts=tuple(filled(part, form) for part in field.parts))
        case _:
            return evolve(sent, text=form.get(field.name))


def value_of(field: Field, form: Form) -> tuple[Any, Mapping[str, str]]:
    """Read a value, with what is wrong by the paths of the fields."""
    errors: dict[str, str] = {}
    return _value(field, form, errors), errors


def _value(field: Field, form: Form, errors: dict[str, str]) -> Any:
    if field.optional and not form.has(f"{field.name}~there"):
        return _LEFT_OUT
    if field.nullable and form.has(f"{field.name}~null"):
        return None
    match field.kind:
        case Kind.FIXED | Kind.HIDDEN:
            return field.value
        case Kind.GROUP:
            members = {_member(part): _value(part, form, errors) for part in field.parts}
            return {name: value for name, value in members.items() if value is not _LEFT_OUT}
        case Kind.LIST:
            return _items(field, form, errors)
        case Kind.YES_NO:
            return form.has(field.name)
        case Kind.TEXT | Kind.LONG | Kind.DATE:
            return form.get(field.name)
        case _:
            return _parsed(field, form.get(field.name), errors)


def _member(part: Field) -> str:
    return part.label


def _items(field: Field, form: Form, errors: dict[str, str]) -> list[Any]:
    kept = [_value(part, form, errors) for part in field.parts if not form.has(f"{part.name}~gone")]
    if field.blank is not None and form.has(f"{field.blank.name}~more"):
        kept.append(_value(field.blank, form, errors))
    return kept


def _parsed(field: Field, text: str, errors: dict[str, str]) -> Any:
    """Read JSON text: a number, a choice, or anything at all."""
    try:
        value = read_json(text)
    except ValueError:
        errors[field.path] = _WRONG.get(field.kind, "this is not JSON")
        return None
    if (field.kind is Kind.WHOLE and type(value) is not int) or (field.kind is Kind.NUMBER and not is_number(value)):
        errors[field.path] = _WRONG[field.kind]
    return value


_WRONG = {
    Kind.WHOLE: "write a whole number",
    Kind.NUMBER: "write a number, as 12.5",
    Kind.CHOICE: "choose one of these",
}
