"""The checks that level restricted adds to baseline: what hardened pods must say of themselves."""

from sampan.api.pod_security.baseline import proc_mount, seccomp
from sampan.api.pod_security.seen import (
    EMPTY,
    Check,
    Forbidden,
    Rule,
    Seen,
    containers,
    own_users,
    plural,
    quoted,
    setters,
    windows,
)

ALLOWED_VOLUMES = (
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
)  # fmt: skip
OTHER_VOLUMES = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs", "rbd",
    "flexVolume", "cinder", "cephfs", "flocker", "fc", "azureFile", "vsphereVolume", "quobyte", "azureDisk",
    "photonPersistentDisk", "portworxVolume", "scaleIO", "storageos",
)  # fmt: skip


def escalation(seen: Seen) -> Forbidden | None:
    """Every container says that its processes may not gain privileges."""
    bad = [part.name for part in seen.parts if part.context.get("allowPrivilegeEscalation") is not False]
    if not bad:
        return None
    detail = f"{containers(bad)} must set securityContext.allowPrivilegeEscalation=false"
    return Forbidden("allowPrivilegeEscalation != false", detail)


def capabilities(seen: Seen) -> Forbidden | None:
    """Every container drops all capabilities and adds at most NET_BIND_SERVICE."""
    keeping: list[str] = []
    adding: list[str] = []
    added: set[str] = set()
    for name, _, context in seen.parts:
        wanted = context.get("capabilities") or EMPTY
        if "ALL" not in (wanted.get("drop") or ()):
            keeping.append(name)
        extra = [one for one in wanted.get("add") or () if one != "NET_BIND_SERVICE"]
        if extra:
            adding.append(name)
            added.update(extra)
    if not keeping and not adding:
        return None
    said = [f'{containers(keeping)} must set securityContext.capabilities.drop=["ALL"]'] if keeping else []
    if adding:
        said.append(
            f"{containers(adding)} must not include {quoted(sorted(added))} in securityContext.capabilities.add"
        )
    return Forbidden("unrestricted capabilities", "; ".join(said))


def volumes(seen: Seen) -> Forbidden | None:
    """Only volumes that Kubernetes makes itself, or that come from a claim or a driver."""
    bad: list[str] = []
    kinds: set[str] = set()
    for volume in seen.spec.get("volumes") or ():
        if all(volume.get(kind) is None for kind in ALLOWED_VOLUMES):
            bad.append(volume.get("name") or "")
            kinds.add(next((kind for kind in OTHER_VOLUMES if volume.get(kind) is not None), "unknown"))
    if not bad:
        return None
    verb = "uses" if len(bad) == 1 else "use"
    words = plural("restricted volume type", kinds)
    detail = f"{plural('volume', bad)} {quoted(bad)} {verb} {words} {quoted(sorted(kinds))}"
    return Forbidden("restricted volume types", detail)


def non_root(seen: Seen) -> Forbidden | None:
    """The pod or each container says that it does not run as root, and none says otherwise."""
    pod = seen.context.get("runAsNonRoot")
    said = [(part.name, part.context.get("runAsNonRoot")) for part in seen.parts]
    who = setters(pod is False, [name for name, value in said if value is False])
    if who:
        return Forbidden("runAsNonRoot != true", f"{who} must not set securityContext.runAsNonRoot=false")
    silent = [] if pod else [name for name, value in said if value is None]
    if not silent:
        return None
    return Forbidden("runAsNonRoot != true", f"pod or {containers(silent)} must set securityContext.runAsNonRoot=true")


def user(seen: Seen) -> Forbidden | None:
    """Nobody names user 0."""
    who = setters(seen.context.get("runAsUser") == 0, [p.name for p in seen.parts if p.context.get("runAsUser") == 0])
    return Forbidden("runAsUser=0", f"{who} must not set runAsUser=0") if who else None


def seccomp_set(seen: Seen) -> Forbidden | None:
    """The pod or each container names the runtime's or a local profile."""
    explicit = seccomp(seen)
    if explicit is not None or seen.context.get("seccompProfile") is not None:
        return explicit
    silent = [part.name for part in seen.parts if part.context.get("seccompProfile") is None]
    if not silent:
        return None
    where = f"pod or {containers(silent)} must set securityContext.seccompProfile.type"
    return Forbidden("seccompProfile", f'{where} to "RuntimeDefault" or "Localhost"')


def unless_windows(rule: Rule) -> Rule:
    """The rule for pods that are not for Windows."""
    return lambda seen: None if windows(seen) else rule(seen)


def unless_own_users(rule: Rule) -> Rule:
    """The rule for pods that share the host's users."""
    return lambda seen: None if own_users(seen) else rule(seen)


RESTRICTED: tuple[Check, ...] = (
    Check("allowPrivilegeEscalation", "restricted", ((8, escalation), (25, unless_windows(escalation)))),
    Check(
        "capabilities_restricted",
        "restricted",
        ((22, capabilities), (25, unless_windows(capabilities))),
        ("capabilities_baseline",),
    ),
    Check("procMount_restricted", "restricted", ((35, proc_mount),), ("procMount",)),
    Check("restrictedVolumes", "restricted", ((0, volumes),), ("hostPathVolumes",)),
    Check("runAsNonRoot", "restricted", ((0, non_root), (35, unless_own_users(non_root)))),
    Check("runAsUser", "restricted", ((23, user), (35, unless_own_users(user)))),
    Check(
        "seccompProfile_restricted",
        "restricted",
        ((19, seccomp_set), (25, unless_windows(seccomp_set))),
        ("seccompProfile_baseline",),
    ),
)
"""In the order of their ids."""
