"""Protobuf messages said in Python, for what is asked of servers whose definitions nobody publishes to PyPI."""

from google.protobuf import descriptor_pb2

_Field = descriptor_pb2.FieldDescriptorProto
_KINDS = {
    "bytes": _Field.TYPE_BYTES, "string": _Field.TYPE_STRING, "int32": _Field.TYPE_INT32, "int64": _Field.TYPE_INT64,
    "uint32": _Field.TYPE_UINT32, "uint64": _Field.TYPE_UINT64, "bool": _Field.TYPE_BOOL,
}


def add_message(file: descriptor_pb2.FileDescriptorProto, name: str, *fields: tuple[str, int, str]) -> None:
    """Fields are of a name, a number, and a kind or message; `*` before that for any number of them, `map` for texts by texts."""
    message = file.message_type.add(name=name)
    for field, number, kind in fields:
        if kind == "map":
            kind = f"*{_add_map_entry(message, file.package, field)}"
        label = _Field.LABEL_REPEATED if kind.startswith("*") else _Field.LABEL_OPTIONAL
        kind = kind.removeprefix("*")
        if kind in _KINDS:
            message.field.add(name=field, number=number, type=_KINDS[kind], label=label)
        else:
            message.field.add(name=field, number=number, type=_Field.TYPE_MESSAGE, type_name=f".{kind}", label=label)


def _add_map_entry(message: descriptor_pb2.DescriptorProto, package: str, field: str) -> str:
    entry = message.nested_type.add(name=f"{field.capitalize()}Entry")
    entry.options.map_entry = True
    for name, number in (("key", 1), ("value", 2)):
        entry.field.add(name=name, number=number, type=_Field.TYPE_STRING, label=_Field.LABEL_OPTIONAL)
    return f"{package}.{message.name}.{entry.name}"
