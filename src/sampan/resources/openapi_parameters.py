"""The parameters of OpenAPI operations: what clients may ask for in the query and the path, by kind of action."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sampan.api.json import Obj

_QUERY: Final[dict[str, tuple[str, str]]] = {
    "allowWatchBookmarks": ("boolean", "Whether a watch may send BOOKMARK events."),
    "command": ("string", "The command to run: one parameter for each argument. No shell runs it."),
    "container": ("string", "The container; needed when the pod has several."),
    "continue": ("string", "The continue token of the page before."),
    "dryRun": ("string", "All: everything is done but nothing is stored."),
    "fieldManager": ("string", "The name under which the fields of this request are owned."),
    "fieldSelector": ("string", "Which fields the listed objects must have."),
    "fieldValidation": ("string", "What to do about unknown and duplicate fields: Ignore, Warn or Strict."),
    "follow": ("boolean", "Whether the answer goes on as the log grows."),
    "force": ("boolean", "Take fields that others own (apply requests only)."),
    "gracePeriodSeconds": ("integer", "Seconds until the object is deleted."),
    "ignoreStoreReadErrorWithClusterBreakingPotential": (
        "boolean", "Delete an object that cannot be read back from the store."),
    "insecureSkipTLSVerifyBackend": ("boolean", "Do not check the serving certificate of the node's agent."),
    "labelSelector": ("string", "Which labels the listed objects must have."),
    "limit": ("integer", "How many objects at most to list at once."),
    "limitBytes": ("integer", "How many bytes of the log at most."),
    "orphanDependents": ("boolean", "Deprecated: use propagationPolicy."),
    "path": ("string", "The path behind the proxy."),
    "ports": ("integer", "The ports to forward."),
    "pretty": ("string", "Whether the answer is indented."),
    "previous": ("boolean", "The log of the container's run before this one."),
    "propagationPolicy": ("string", "What happens to dependents: Orphan, Background or Foreground."),
    "resourceVersion": ("string", "Which versions may be served."),
    "resourceVersionMatch": ("string", "How resourceVersion is meant: Exact or NotOlderThan."),
    "sendInitialEvents": ("boolean", "Whether a watch begins with the present objects."),
    "shardSelector": ("string", "Which part of the objects, by a hash of their uid (an alpha feature)."),
    "sinceSeconds": ("integer", "Only lines of the last so many seconds."),
    "stderr": ("boolean", "Whether to carry the command's errors."),
    "stdin": ("boolean", "Whether to carry input to the command."),
    "stdout": ("boolean", "Whether to carry the command's output."),
    "stream": ("string", "Which stream of the log: All, Stdout or Stderr."),
    "tailLines": ("integer", "How many of the last lines."),
    "timeoutSeconds": ("integer", "How long the call may take."),
    "timestamps": ("boolean", "Whether each line begins with its time."),
    "tty": ("boolean", "Whether the command has a terminal."),
    "watch": ("boolean", "Watch for changes instead of listing."),
}  # fmt: skip
_DELETE: Final = ("dryRun", "gracePeriodSeconds", "ignoreStoreReadErrorWithClusterBreakingPotential",
                  "orphanDependents", "propagationPolicy")  # fmt: skip
_SELECT: Final = ("continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "resourceVersionMatch",
                  "sendInitialEvents", "shardSelector", "timeoutSeconds")  # fmt: skip
_LIST: Final = ("allowWatchBookmarks", *_SELECT, "watch")
_WRITE: Final = ("dryRun", "fieldManager", "fieldValidation")
_BUILTIN: Final[dict[str, Sequence[str]]] = {
    "list": _LIST, "watch": _LIST, "watchlist": _LIST, "post": _WRITE, "put": _WRITE, "patch": (*_WRITE, "force"),
    "delete": _DELETE, "deletecollection": (*_SELECT, *_DELETE),
}  # fmt: skip
_CUSTOM: Final[dict[str, Sequence[str]]] = {
    "get": ("resourceVersion",), "list": _LIST, "post": _WRITE, "put": _WRITE, "patch": (*_WRITE, "force"),
    "delete": _DELETE, "deletecollection": _LIST,
}  # fmt: skip
_KINDS: Final[dict[str, Sequence[str]]] = {
    "PodAttachOptions": ("container", "stderr", "stdin", "stdout", "tty"),
    "PodExecOptions": ("command", "container", "stderr", "stdin", "stdout", "tty"),
    "PodPortForwardOptions": ("ports",), "PodProxyOptions": ("path",), "ServiceProxyOptions": ("path",),
    "NodeProxyOptions": ("path",),
}  # fmt: skip
LOG: Final = ("container", "follow", "insecureSkipTLSVerifyBackend", "limitBytes", "previous", "sinceSeconds",
              "stream", "tailLines", "timestamps")  # fmt: skip
"""What the log of a pod is asked for by."""
_PATH: Final = {
    "namespace": "object name and auth scope, such as for teams and projects",
    "path": "path to the resource",
}


def of_action(action: str, custom: bool, options: str = "") -> list[Obj]:
    """The query's parameters of an action; `options` is the kind that a connect action is described by."""
    if options:
        return [_query(name) for name in _KINDS.get(options, ())]
    table = _CUSTOM if custom else _BUILTIN
    return [_query(name) for name in (*table.get(action, ()), "pretty")]


def queries(names: Iterable[str]) -> list[Obj]:
    """Parameters of the query by their names."""
    return [_query(name) for name in names]


def of_path(path: str, kind: str) -> list[Obj]:
    """The parameters that stand in a path."""
    return [
        {"name": name, "in": "path", "description": _PATH.get(name) or f"name of the {kind}", "required": True,
         "schema": {"type": "string", "uniqueItems": True}}
        for name in ("name", "namespace", "path") if f"{{{name}}}" in path
    ]  # fmt: skip


def _query(name: str) -> Obj:
    kind, about = _QUERY[name]
    return {"name": name, "in": "query", "description": about, "schema": {"type": kind, "uniqueItems": True}}


def shared(operations: Sequence[dict[str, Any]]) -> list[Obj]:
    """Take the parameters that all operations have out of them; what remains is sorted, or no member at all."""
    per = [{(one["name"], one["in"]): one for one in operation["parameters"]} for operation in operations]
    common = set(per[0]).intersection(*per[1:])
    for operation, own in zip(operations, per, strict=True):
        operation["parameters"] = [own[key] for key in sorted(own.keys() - common)]
        if not operation["parameters"]:
            del operation["parameters"]
    return [per[0][key] for key in sorted(common)]
