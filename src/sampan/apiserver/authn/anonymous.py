"""Requests without credentials: who may come so. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Everybody, or nobody, or for some paths only."""

    enabled: bool = True
    paths: frozenset[str] = frozenset()

    def lets(self, path: str) -> bool:
        """Whether a request for a path may come without credentials."""
        return self.enabled and (not self.paths or path in self.paths)
