"""What a controller wants done, as records. `decide` returns them, the loop performs them in order."""

from dataclasses import dataclass
from typing import Any, Literal

from sampan.api.json import Obj
from sampan.api.names import Key, ObjectRef, RestMapping


@dataclass(frozen=True, slots=True)
class Announce:
    """The Event to post about an object when an action is done, and the Warning when it is refused.

    Each is a reason and a message, in which {name} is the object acted on and {error} the refusal. No reason: no Event.
    """

    about: Obj
    done: tuple[str, str]
    refused: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Counted:
    """A pair of counters: `<name>_total` of all attempts, `<name>_errors_total` of those that failed."""

    name: str
    total_text: str
    errors_text: str


@dataclass(frozen=True, slots=True)
class Create:
    """Create an object. An AlreadyExists answer counts as done when `exists_ok`.

    Announced creations that follow one another are sent at once, in batches of 1, 2, 4 and so on: when something
    refuses them, few are tried in vain. A refusal because the namespace is going counts as done.
    """

    mapping: RestMapping
    obj: Obj
    exists_ok: bool = False
    announce: Announce | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Replace an object (or a subresource of it) at the resourceVersion it carries; a Conflict runs the key again."""

    mapping: RestMapping
    obj: Obj
    subresource: str = ""
    counted: Counted | None = None
    """Counters of the controller's `counts` that tell of this write."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Patch an object; merge patches by default."""

    ref: ObjectRef
    patch: Any
    kind: Literal["merge", "strategic", "json"] = "merge"
    subresource: str = ""
    missing_ok: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete an object; NotFound counts as done. `uid` guards against deleting a namesake."""

    ref: ObjectRef
    uid: str = ""
    propagation: Literal["", "Background", "Foreground", "Orphan"] = ""
    grace_seconds: int | None = None
    announce: Announce | None = None


@dataclass(frozen=True, slots=True)
class Emit:
    """Post a Kubernetes Event about an object; the recorder folds repeats."""

    about: Obj
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Requeue:
    """Look at this key (or at another one) again after that many seconds, whatever happens until then."""

    after: float
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Read this object live and decide again with it: for decisions that a cache may not make.

    The loop puts the answer (or None) into the Lookup that observe sees next: `look.live(ref)`. A reference without
    a name asks for the list of that kind in that namespace. With a body it is a review, which is posted; its name only
    tells it from others.
    """

    ref: ObjectRef
    body: Obj | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is none of the above (namespace finalize, a token, a list of a kind that has no informer)."""

    method: str
    path: str
    body: Obj | None = None


@dataclass(frozen=True, slots=True)
class Follow:
    """From now on follow this kind as the controller's `on_demand` says, and decide again when its objects are known.

    It is nothing to do for a kind that is followed already.
    """

    mapping: RestMapping


Action = Create | Update | Patch | Delete | Emit | Requeue | Ask | Call | Follow
Plan = tuple[Action, ...]
NOTHING: Plan = ()
