"""What pods and templates may hold that is wrong: what their old version held already (upstream: PodValidationOptions).

The rules that became stricter over time do not apply to objects that broke them before they did.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from sampan.api.json import Obj


@dataclass(frozen=True, slots=True)
class Options:
    """Each says what is allowed; new objects are allowed none of it."""

    is_pod: bool = False
    """A pod rather than a template."""
    any_deletion_cost: bool = False
    any_selector_value: bool = False
    """Affinity selectors need not hold values of labels."""
    any_node_value: bool = False
    """Required node affinity need not either."""
    any_spread_selector: bool = False
    legacy_match_keys: bool = False
    """matchLabelKeys of spread constraints by the rules before 1.34."""
    any_token_path: bool = False
    host_sysctls: bool = False
    """Sysctls of namespaces that are the host's."""
    indivisible_pages: bool = False
    any_selinux_policy: bool = False
    comparing_tolerations: bool = False
    restarting_init: bool = False
    """Init containers that end may ask to be restarted for a resize."""
    devices_of_users: bool = False
    """Block devices in user namespaces."""
    users_on_host: bool = False
    """User namespaces on the host's network."""


TEMPLATE = Options()
POD = Options(is_pod=True)


class Seen(NamedTuple):
    """What the check of a container must know of its pod."""

    volumes: dict[str, Obj]
    claims: frozenset[str]
    """Names of the pod's resource claims."""
    restart: str
    host_users: bool
    grace: int | None
    options: Options


CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def visit(spec: Obj, at: str) -> Iterable[tuple[Obj, str]]:
    """All containers and where they stand, init containers first."""
    for key in CONTAINERS:
        for index, container in enumerate(spec.get(key) or ()):
            yield container, f"{at}.{key}[{index}]"
