"""STRATEGIES: which kinds have a strategy of their own, by group and kind."""

from collections.abc import Mapping

from sampan.api.resource import Strategy
from sampan.resources.strategies import certificates, config, crds, network, pods, small_groups, volumes, workloads

ADMISSION, RBAC, STORAGE = "admissionregistration.k8s.io", "rbac.authorization.k8s.io", "storage.k8s.io"
FLOW = "flowcontrol.apiserver.k8s.io"

STRATEGIES: Mapping[tuple[str, str], Strategy] = {
    ("", "ConfigMap"): config.CONFIG_MAPS,
    ("", "Endpoints"): config.ENDPOINTS,
    ("", "Event"): small_groups.CORE_EVENTS,
    ("", "LimitRange"): config.LIMIT_RANGES,
    ("", "Namespace"): config.NAMESPACES,
    ("", "Node"): config.NODES,
    ("", "PersistentVolume"): volumes.PERSISTENT_VOLUMES,
    ("", "PersistentVolumeClaim"): volumes.CLAIMS,
    ("", "Pod"): pods.PODS,
    ("", "PodTemplate"): pods.POD_TEMPLATES,
    ("", "ReplicationController"): workloads.REPLICATION_CONTROLLERS,
    ("", "ResourceQuota"): config.QUOTAS,
    ("", "Secret"): config.SECRETS,
    ("", "ServiceAccount"): config.ACCOUNTS,
    ("", "Service"): network.SERVICES,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): crds.DEFINITIONS,
    ("apiregistration.k8s.io", "APIService"): network.API_SERVICES,
    ("apps", "DaemonSet"): workloads.DAEMON_SETS,
    ("apps", "Deployment"): workloads.DEPLOYMENTS,
    ("apps", "ReplicaSet"): workloads.REPLICA_SETS,
    ("apps", "StatefulSet"): workloads.STATEFUL_SETS,
    ("autoscaling", "HorizontalPodAutoscaler"): config.AUTOSCALERS,
    ("batch", "CronJob"): workloads.CRON_JOBS,
    ("batch", "Job"): workloads.JOBS,
    ("certificates.k8s.io", "CertificateSigningRequest"): certificates.SIGNING_REQUESTS,
    ("coordination.k8s.io", "Lease"): small_groups.LEASES,
    ("discovery.k8s.io", "EndpointSlice"): network.ENDPOINT_SLICES,
    ("events.k8s.io", "Event"): small_groups.EVENTS,
    ("networking.k8s.io", "IPAddress"): network.IP_ADDRESSES,
    ("networking.k8s.io", "Ingress"): network.INGRESSES,
    ("networking.k8s.io", "IngressClass"): network.INGRESS_CLASSES,
    ("networking.k8s.io", "NetworkPolicy"): network.NETWORK_POLICIES,
    ("networking.k8s.io", "ServiceCIDR"): network.SERVICE_CIDRS,
    ("node.k8s.io", "RuntimeClass"): small_groups.RUNTIME_CLASSES,
    ("policy", "PodDisruptionBudget"): small_groups.BUDGETS,
    ("scheduling.k8s.io", "PriorityClass"): config.PRIORITY_CLASSES,
    (ADMISSION, "MutatingAdmissionPolicy"): config.MUTATING_POLICIES,
    (ADMISSION, "MutatingAdmissionPolicyBinding"): config.POLICY_BINDINGS,
    (ADMISSION, "MutatingWebhookConfiguration"): config.MUTATING_WEBHOOKS,
    (ADMISSION, "ValidatingAdmissionPolicy"): config.ADMISSION_POLICIES,
    (ADMISSION, "ValidatingAdmissionPolicyBinding"): config.POLICY_BINDINGS,
    (ADMISSION, "ValidatingWebhookConfiguration"): config.VALIDATING_WEBHOOKS,
    (FLOW, "FlowSchema"): config.FLOW_SCHEMAS,
    (FLOW, "PriorityLevelConfiguration"): config.PRIORITY_LEVELS,
    (RBAC, "ClusterRoleBinding"): config.ROLE_BINDINGS,
    (RBAC, "RoleBinding"): config.ROLE_BINDINGS,
    (STORAGE, "CSIDriver"): volumes.CSI_DRIVERS,
    (STORAGE, "StorageClass"): volumes.STORAGE_CLASSES,
}
