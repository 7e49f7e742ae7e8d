"""KubeletConfiguration (v1beta1): its fields, upstream's defaults, what of it is acted upon. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sampan.api.json import Obj
from sampan.api.times import parse_duration
from sampan.kubelet.admission.sysctls import Allowed, allowed
from sampan.kubelet.door import Access

API_VERSION, KIND = "kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"
DEFAULTS: Obj = {
    "enableServer": True, "syncFrequency": "1m0s", "fileCheckFrequency": "20s", "httpCheckFrequency": "20s",
    "address": "0.0.0.0", "port": 10250, "rotateCertificates": False, "serverTLSBootstrap": False,
    "authentication": {
        "x509": {}, "webhook": {"enabled": True, "cacheTTL": "2m0s"}, "anonymous": {"enabled": False},
    },
    "authorization": {
        "mode": "Webhook", "webhook": {"cacheAuthorizedTTL": "5m0s", "cacheUnauthorizedTTL": "30s"},
    },
    "registryPullQPS": 5, "registryBurst": 10, "eventRecordQPS": 50, "eventBurst": 100,
    "enableDebuggingHandlers": True, "healthzPort": 10248, "healthzBindAddress": "127.0.0.1", "oomScoreAdj": -999,
    "streamingConnectionIdleTimeout": "4h0m0s", "nodeStatusUpdateFrequency": "10s",
    "nodeStatusReportFrequency": "5m0s", "nodeLeaseDurationSeconds": 40, "imageMinimumGCAge": "2m0s",
    "imageMaximumGCAge": "0s", "imageGCHighThresholdPercent": 85, "imageGCLowThresholdPercent": 80,
    "volumeStatsAggPeriod": "1m0s", "cgroupsPerQOS": True, "cgroupDriver": "cgroupfs", "cpuManagerPolicy": "none",
    "cpuManagerReconcilePeriod": "10s", "memoryManagerPolicy": "None", "topologyManagerPolicy": "none",
    "topologyManagerScope": "container", "runtimeRequestTimeout": "2m0s", "hairpinMode": "promiscuous-bridge",
    "maxPods": 110, "podPidsLimit": -1, "resolvConf": "/etc/resolv.conf", "cpuCFSQuota": True,
    "cpuCFSQuotaPeriod": "100ms", "nodeStatusMaxImages": 50, "maxOpenFiles": 1000000,
    "contentType": "application/vnd.kubernetes.protobuf", "kubeAPIQPS": 50, "kubeAPIBurst": 100,
    "serializeImagePulls": True, "evictionPressureTransitionPeriod": "5m0s", "mergeDefaultEvictionSettings": False,
    "enableControllerAttachDetach": True, "makeIPTablesUtilChains": True, "iptablesMasqueradeBit": 14,
    "iptablesDropBit": 15, "failSwapOn": True, "memorySwap": {}, "containerLogMaxSize": "10Mi",
    "containerLogMaxFiles": 5, "containerLogMaxWorkers": 1, "containerLogMonitorInterval": "10s",
    "configMapAndSecretChangeDetectionStrategy": "Watch", "enforceNodeAllocatable": ["pods"],
    "volumePluginDir": "/usr/libexec/kubernetes/kubelet-plugins/volume/exec/",
    "logging": {
        "format": "text", "flushFrequency": "5s", "verbosity": 0,
        "options": {"text": {"infoBufferSize": "0"}, "json": {"infoBufferSize": "0"}},
    },
    "enableSystemLogHandler": True, "enableSystemLogQuery": False, "shutdownGracePeriod": "0s",
    "shutdownGracePeriodCriticalPods": "0s", "crashLoopBackOff": {"maxContainerRestartPeriod": "5m0s"},
    "enableProfilingHandler": True, "enableDebugFlagsHandler": True, "seccompDefault": False,
    "memoryThrottlingFactor": 0.9, "memoryReservationPolicy": "None", "registerNode": True,
    "localStorageCapacityIsolation": True, "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
    "failCgroupV1": True, "podLogsDir": "/var/log/pods",
    "imagePullCredentialsVerificationPolicy": "NeverVerifyPreloadedImages",
}  # fmt: skip
WITHOUT_DEFAULT = (
    "staticPodPath", "staticPodURL", "staticPodURLHeader", "readOnlyPort", "tlsCertFile", "tlsPrivateKeyFile",
    "tlsCipherSuites", "tlsCurvePreferences", "tlsMinVersion", "preloadedImagesVerificationAllowlist",
    "clusterDomain", "clusterDNS", "kubeletCgroups", "systemCgroups", "cgroupRoot", "singleProcessOOMKill",
    "cpuManagerPolicyOptions", "topologyManagerPolicyOptions", "qosReserved", "podCIDR", "runOnce",
    "maxParallelImagePulls", "evictionHard", "evictionSoft", "evictionSoftGracePeriod", "evictionMaxPodGracePeriod",
    "evictionMinimumReclaim", "podsPerCore", "protectKernelDefaults", "featureGates", "systemReserved", "kubeReserved",
    "reservedSystemCPUs", "showHiddenMetricsForVersion", "systemReservedCgroup", "kubeReservedCgroup",
    "allowedUnsafeSysctls", "providerID", "kernelMemcgNotification", "shutdownGracePeriodByPodPriority",
    "reservedMemory", "registerWithTaints", "tracing", "imageServiceEndpoint", "userNamespaces",
)  # fmt: skip
ACTED_UPON = frozenset({
    "address", "port", "rotateCertificates", "serverTLSBootstrap", "authentication", "authorization",
    "enableDebuggingHandlers", "healthzPort", "healthzBindAddress", "maxPods", "podCIDR", "resolvConf", "clusterDNS",
    "clusterDomain", "containerRuntimeEndpoint", "tlsCertFile", "tlsPrivateKeyFile", "enableSystemLogHandler",
    "evictionHard", "evictionSoft", "evictionSoftGracePeriod", "evictionMinimumReclaim", "evictionMaxPodGracePeriod",
    "evictionPressureTransitionPeriod", "mergeDefaultEvictionSettings", "localStorageCapacityIsolation",
    "imageGCHighThresholdPercent", "imageGCLowThresholdPercent", "imageMinimumGCAge", "imageMaximumGCAge",
    "shutdownGracePeriod", "shutdownGracePeriodCriticalPods", "shutdownGracePeriodByPodPriority",
    "allowedUnsafeSysctls", "staticPodPath", "fileCheckFrequency",
    "cgroupsPerQOS", "featureGates", "registerWithTaints", "runtimeRequestTimeout", "enableServer", "logging",
})  # fmt: skip


class ConfigurationError(Exception):
    """A KubeletConfiguration that cannot be used; the text names the field."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A whole configuration, and what is to be said of it."""

    values: Obj
    warnings: tuple[str, ...] = ()

    def seconds(self, *path: str) -> float:
        """A duration. Raises ConfigurationError."""
        text = self.at(*path)
        try:
            return parse_duration(str(text))
        except ValueError as error:
            raise ConfigurationError(f"{'.'.join(path)}: {text!r} is no duration") from error

    def at(self, *path: str) -> Any:
        """A value by the names that lead to it; None where there is none."""
        found: Any = self.values
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    @property
    def evented(self) -> bool:
        """The feature gate EventedPLEG: on unless it is turned off."""
        return bool((self.at("featureGates") or {}).get("EventedPLEG", True))

    def sysctls(self, kernel: str) -> Allowed:
        """The kernel parameters that pods may set. Raises ConfigurationError."""
        try:
            return allowed(self.at("allowedUnsafeSysctls") or (), kernel)
        except ValueError as error:
            raise ConfigurationError(f"allowedUnsafeSysctls: {error}") from error

    def access(self) -> Access:
        """Who may use the server. Raises ConfigurationError."""
        mode = self.at("authorization", "mode")
        if mode not in ("Webhook", "AlwaysAllow"):
            raise ConfigurationError(f"authorization.mode: {mode!r}: expected Webhook or AlwaysAllow")
        return Access(
            anonymous=bool(self.at("authentication", "anonymous", "enabled")),
            webhook=bool(self.at("authentication", "webhook", "enabled")),
            token_ttl=self.seconds("authentication", "webhook", "cacheTTL"),
            mode=mode,
            allowed_ttl=self.seconds("authorization", "webhook", "cacheAuthorizedTTL"),
            denied_ttl=self.seconds("authorization", "webhook", "cacheUnauthorizedTTL"),
        )


def load(given: Any, flags: Obj | None = None) -> Loaded:
    """A configuration with upstream's defaults under it and the values of flags over it. Raises ConfigurationError."""
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise ConfigurationError("expected a KubeletConfiguration")
    version, kind = given.get("apiVersion", API_VERSION), given.get("kind", KIND)
    if (version, kind) != (API_VERSION, KIND):
        raise ConfigurationError(f"no kind {kind!r} is registered for version {version!r}")
    own = {key: value for key, value in given.items() if key not in ("apiVersion", "kind") and value is not None}
    warnings = []
    for name in sorted(own):
        if name not in DEFAULTS and name not in WITHOUT_DEFAULT:
            warnings.append(f"unknown field {name!r} is ignored")
        elif name not in ACTED_UPON and own[name] != DEFAULTS.get(name):
            warnings.append(f"{name} is not acted upon")
    values = merged(merged(DEFAULTS, own), flags or {})
    for name, default in DEFAULTS.items():
        _check(name, values[name], default)
    return Loaded({"kind": KIND, "apiVersion": API_VERSION, **values}, tuple(warnings))


def _check(name: str, found: Any, default: Any) -> None:
    if isinstance(default, bool) != isinstance(found, bool) or (
        not isinstance(default, bool)
        and not isinstance(found, (int, float) if isinstance(default, (int, float)) else type(default))
    ):
        raise ConfigurationError(f"{name}: {found!r}: expected {_kind(default)}")


def _kind(default: Any) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return kinds.get(type(default), "an object")


def merged(below: Obj, above: Obj) -> Obj:
    """Objects field by field; everything else of `above` wins."""
    made = dict(below)
    for key, value in above.items():
        old = made.get(key)
        made[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return made


def parse_gates(text: str) -> dict[str, bool]:
    """`A=true,B=false` as --feature-gates has it. Raises ConfigurationError."""
    made = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if value.lower() not in ("true", "false"):
            raise ConfigurationError(f"invalid value of {name}={value}, err: expected true or false")
        made[name.strip()] = value.lower() == "true"
    return made


def parse_taints(text: str) -> list[Obj]:
    """`key=value:effect,...` as --register-with-taints has it. Raises ConfigurationError."""
    made = []
    for part in filter(None, text.split(",")):
        what, _, effect = part.rpartition(":")
        key, _, value = what.partition("=")
        if not key or effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
            raise ConfigurationError(f"invalid taint spec: {part}")
        made.append({"key": key, **({"value": value} if value else {}), "effect": effect})
    return made


def resolv_conf(text: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Name servers, search domains and options of a resolv.conf; of search lines, the last counts."""
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        words = line.split()
        match words[:1]:
            case ["nameserver"]:
                servers += words[1:2]
            case ["search"]:
                searches = words[1:]
            case ["options"]:
                options = words[1:]
    return tuple(servers), tuple(s for s in searches if s != "."), tuple(options)
