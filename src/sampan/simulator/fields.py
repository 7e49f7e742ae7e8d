"""Reading a mapping field by field, so that every error names its field and none is overlooked."""

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class StageError(ValueError):
    """A Stage that is not understood; the text names it and the field."""


class Fields:
    """The fields of a mapping at `path`, of the Stage called `where`; what nobody took is refused by `end`."""

    def __init__(self, value: Any, path: str, where: str) -> None:
        self.path, self.where = path, where
        if not isinstance(value, dict):
            raise StageError(f"{where}: {path or 'it'}: expected a mapping")
        self._left = dict(value)

    def error(self, name: str, words: str) -> StageError:
        """What is wrong with a field."""
        return StageError(f"{self.where}: {self._name(name)}: {words}")

    def _name(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def take(self, name: str, read: Callable[[Any], T]) -> T | None:
        """A field that may be absent or null. What `read` raises as ValueError is told of the field."""
        value = self._left.pop(name, None)
        if value is None:
            return None
        try:
            return read(value)
        except StageError:
            raise
        except ValueError as error:
            raise self.error(name, str(error)) from error

    def need(self, name: str, read: Callable[[Any], T]) -> T:
        """A field that must be there."""
        value = self.take(name, read)
        if value is None:
            raise self.error(name, "must be given")
        return value

    def take_fields(self, name: str) -> "Fields | None":
        """A mapping inside, if it is there."""
        value = self._left.pop(name, None)
        return None if value is None else Fields(value, self._name(name), self.where)

    def need_fields(self, name: str) -> "Fields":
        """A mapping inside that must be there."""
        found = self.take_fields(name)
        if found is None:
            raise self.error(name, "must be given")
        return found

    def end(self) -> None:
        """Refuse what is left."""
        for name in self._left:
            raise self.error(str(name), "is not supported")


def string(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise ValueError("expected a text")
    return value


def integer(value: Any) -> int:
    """A whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("expected a whole number")
    return value


def boolean(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def sequence(value: Any) -> list[Any]:
    """A list."""
    if not isinstance(value, list):
        raise ValueError("expected a list")
    return value


def strings(value: Any) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ValueError("expected a list of texts")
    return tuple(value)


def text_map(value: Any) -> dict[str, str]:
    """A mapping of texts to texts."""
    if not isinstance(value, dict) or not all(isinstance(x, str) for pair in value.items() for x in pair):
        raise ValueError("expected a mapping of texts to texts")
    return dict(value)


def mapping(value: Any) -> dict[str, Any]:
    """Any mapping."""
    if not isinstance(value, dict):
        raise ValueError("expected a mapping")
    return value
