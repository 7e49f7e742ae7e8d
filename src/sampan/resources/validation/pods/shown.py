"""Parts of a pod as upstream's errors show them: Go's structs, with nulls for what is absent."""

from typing import Any, Final

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Shown, marshalled

Fields = tuple[tuple[str, Any], ...]

PROFILE: Final[Fields] = (("type", ""), ("localhostProfile", None))
SELINUX: Final[Fields] = (("user", ""), ("role", ""), ("type", ""), ("level", ""))
WINDOWS: Final[Fields] = (
    ("gmsaCredentialSpecName", None),
    ("gmsaCredentialSpec", None),
    ("runAsUserName", None),
    ("hostProcess", None),
)
CAPABILITIES: Final[Fields] = (("add", None), ("drop", None))
SECURITY: Final[Fields] = (
    ("capabilities", CAPABILITIES),
    ("privileged", None),
    ("seLinuxOptions", SELINUX),
    ("windowsOptions", WINDOWS),
    ("runAsUser", None),
    ("runAsGroup", None),
    ("runAsNonRoot", None),
    ("readOnlyRootFilesystem", None),
    ("allowPrivilegeEscalation", None),
    ("procMount", None),
    ("seccompProfile", PROFILE),
    ("appArmorProfile", PROFILE),
)
CLAIM: Final[Fields] = (("name", ""), ("resourceClaimName", None), ("resourceClaimTemplateName", None))
NAMES: Final = {"seLinuxOptions": "SELinuxOptions", "gmsaCredentialSpecName": "GMSACredentialSpecName",
                "gmsaCredentialSpec": "GMSACredentialSpec"}  # fmt: skip
"""What is not the JSON name with a large first letter."""


def _struct(value: Obj, fields: Fields) -> Obj:
    made: Obj = {}
    for name, kind in fields:
        key, given = NAMES.get(name) or name[0].upper() + name[1:], value.get(name)
        if isinstance(kind, tuple):
            made[key] = None if given is None else _struct(given, kind)
        else:
            made[key] = kind if given is None else given
    return made


def shown_security(context: Obj) -> Shown:
    """A container's SecurityContext."""
    return Shown(marshalled(_struct(context, SECURITY)))


def shown_seccomp(profile: Obj) -> Shown:
    """A SeccompProfile."""
    return Shown(marshalled(_struct(profile, PROFILE)))


def shown_claim(claim: Obj) -> Shown:
    """A PodResourceClaim."""
    return Shown(marshalled(_struct(claim, CLAIM)))
