"""The authorizer: RBAC over the stored roles and bindings, read anew when one of them has changed."""

from sampan.apiserver.context import RequestInfo, UserInfo
from sampan.apiserver.objects import StoredObjects
from sampan.apiserver.rbac import Attributes, Book, make_book
from sampan.store.base import Store, Watch

GROUP = "rbac.authorization.k8s.io"
KINDS = ("clusterroles", "clusterrolebindings", "roles", "rolebindings")


class Authorizer:
    """Decides who may do what. `run` must run for changes to be noticed."""

    def __init__(self, store: Store, objects: StoredObjects) -> None:
        self._store, self._objects = store, objects
        self._book: Book | None = None

    async def book(self) -> Book:
        """The current grants."""
        if self._book is None:
            lists = [await self._objects.list(plural, group=GROUP) for plural in KINDS]
            self._book = make_book(*lists)
        return self._book

    async def allows(self, user: UserInfo, wanted: Attributes) -> bool:
        """Whether the user may."""
        return (self._book or await self.book()).allows(user, wanted)

    async def why_not(self, user: UserInfo, wanted: Attributes) -> str:
        """What a refusal adds to its message."""
        return (await self.book()).trouble(user, wanted.namespace)

    async def run(self, plural: str) -> None:
        """Forget the book at every change of one kind (KINDS)."""
        watch: Watch = self._store.watch(f"/{GROUP}/{plural}/", since=self._store.revision)
        try:
            async for batch in watch:
                if batch:
                    self._book = None
        finally:
            watch.close()


def attributes_of(info: RequestInfo) -> Attributes:
    """A request's attributes."""
    if not info.is_resource:
        return Attributes(info.verb, path=info.path)
    return Attributes(info.verb, info.group, info.resource, info.subresource, info.namespace, info.name)
