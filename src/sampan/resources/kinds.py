"""RestMapping constants of the built-in kinds, for callers that know which kind they want."""

from sampan.api.names import RestMapping

BINDINGS = RestMapping("", "v1", "Binding", "bindings", True)
COMPONENTSTATUSES = RestMapping("", "v1", "ComponentStatus", "componentstatuses", False)
CONFIGMAPS = RestMapping("", "v1", "ConfigMap", "configmaps", True)
ENDPOINTS = RestMapping("", "v1", "Endpoints", "endpoints", True)
EVENTS = RestMapping("", "v1", "Event", "events", True)
LIMITRANGES = RestMapping("", "v1", "LimitRange", "limitranges", True)
NAMESPACES = RestMapping("", "v1", "Namespace", "namespaces", False)
NODES = RestMapping("", "v1", "Node", "nodes", False)
PVCS = RestMapping("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True)
PVS = RestMapping("", "v1", "PersistentVolume", "persistentvolumes", False)
PODS = RestMapping("", "v1", "Pod", "pods", True)
PODTEMPLATES = RestMapping("", "v1", "PodTemplate", "podtemplates", True)
REPLICATIONCONTROLLERS = RestMapping("", "v1", "ReplicationController", "replicationcontrollers", True)
RESOURCEQUOTAS = RestMapping("", "v1", "ResourceQuota", "resourcequotas", True)
SECRETS = RestMapping("", "v1", "Secret", "secrets", True)
SERVICEACCOUNTS = RestMapping("", "v1", "ServiceAccount", "serviceaccounts", True)
SERVICES = RestMapping("", "v1", "Service", "services", True)

MUTATINGADMISSIONPOLICIES = RestMapping(
    "admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy", "mutatingadmissionpolicies", False
)
MUTATINGADMISSIONPOLICYBINDINGS = RestMapping(
    "admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", False
)
MUTATINGWEBHOOKCONFIGURATIONS = RestMapping(
    "admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", False
)
VALIDATINGADMISSIONPOLICIES = RestMapping(
    "admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", False
)
VALIDATINGADMISSIONPOLICYBINDINGS = RestMapping(
    "admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", False
)
VALIDATINGWEBHOOKCONFIGURATIONS = RestMapping(
    "admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False
)

CRDS = RestMapping("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", False)

APISERVICES = RestMapping("apiregistration.k8s.io", "v1", "APIService", "apiservices", False)

CONTROLLERREVISIONS = RestMapping("apps", "v1", "ControllerRevision", "controllerrevisions", True)
DAEMONSETS = RestMapping("apps", "v1", "DaemonSet", "daemonsets", True)
DEPLOYMENTS = RestMapping("apps", "v1", "Deployment", "deployments", True)
REPLICASETS = RestMapping("apps", "v1", "ReplicaSet", "replicasets", True)
STATEFULSETS = RestMapping("apps", "v1", "StatefulSet", "statefulsets", True)

SELFSUBJECTREVIEWS = RestMapping("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", False)
TOKENREVIEWS = RestMapping("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", False)

LOCALSUBJECTACCESSREVIEWS = RestMapping(
    "authorization.k8s.io", "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", True
)
SELFSUBJECTACCESSREVIEWS = RestMapping(
    "authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False
)
SELFSUBJECTRULESREVIEWS = RestMapping(
    "authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", False
)
SUBJECTACCESSREVIEWS = RestMapping("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", False)

HPAS = RestMapping("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", True)

CRONJOBS = RestMapping("batch", "v1", "CronJob", "cronjobs", True)
JOBS = RestMapping("batch", "v1", "Job", "jobs", True)

CSRS = RestMapping("certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests", False)
CLUSTERTRUSTBUNDLES = RestMapping("certificates.k8s.io", "v1", "ClusterTrustBundle", "clustertrustbundles", False)

LEASES = RestMapping("coordination.k8s.io", "v1", "Lease", "leases", True)

ENDPOINTSLICES = RestMapping("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", True)

EVENTS_V1 = RestMapping("events.k8s.io", "v1", "Event", "events", True)

FLOWSCHEMAS = RestMapping("flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", "flowschemas", False)
PRIORITYLEVELCONFIGURATIONS = RestMapping(
    "flowcontrol.apiserver.k8s.io", "v1", "PriorityLevelConfiguration", "prioritylevelconfigurations", False
)

INGRESSCLASSES = RestMapping("networking.k8s.io", "v1", "IngressClass", "ingressclasses", False)
INGRESSES = RestMapping("networking.k8s.io", "v1", "Ingress", "ingresses", True)
IPADDRESSES = RestMapping("networking.k8s.io", "v1", "IPAddress", "ipaddresses", False)
NETWORKPOLICIES = RestMapping("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", True)
SERVICECIDRS = RestMapping("networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs", False)

RUNTIMECLASSES = RestMapping("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", False)

PDBS = RestMapping("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", True)

CLUSTERROLEBINDINGS = RestMapping("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", False)
CLUSTERROLES = RestMapping("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", False)
ROLEBINDINGS = RestMapping("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", True)
ROLES = RestMapping("rbac.authorization.k8s.io", "v1", "Role", "roles", True)

DEVICECLASSES = RestMapping("resource.k8s.io", "v1", "DeviceClass", "deviceclasses", False)
RESOURCECLAIMS = RestMapping("resource.k8s.io", "v1", "ResourceClaim", "resourceclaims", True)
RESOURCECLAIMTEMPLATES = RestMapping("resource.k8s.io", "v1", "ResourceClaimTemplate", "resourceclaimtemplates", True)
RESOURCESLICES = RestMapping("resource.k8s.io", "v1", "ResourceSlice", "resourceslices", False)

PRIORITYCLASSES = RestMapping("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", False)

CSIDRIVERS = RestMapping("storage.k8s.io", "v1", "CSIDriver", "csidrivers", False)
CSINODES = RestMapping("storage.k8s.io", "v1", "CSINode", "csinodes", False)
CSISTORAGECAPACITIES = RestMapping("storage.k8s.io", "v1", "CSIStorageCapacity", "csistoragecapacities", True)
STORAGECLASSES = RestMapping("storage.k8s.io", "v1", "StorageClass", "storageclasses", False)
VOLUMEATTACHMENTS = RestMapping("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments", False)
VOLUMEATTRIBUTESCLASSES = RestMapping("storage.k8s.io", "v1", "VolumeAttributesClass", "volumeattributesclasses", False)

# Bodies of subresources: no collection of their own.
SCALE = RestMapping("autoscaling", "v1", "Scale", "scales", True)
EVICTION = RestMapping("policy", "v1", "Eviction", "evictions", True)
TOKENREQUEST = RestMapping("authentication.k8s.io", "v1", "TokenRequest", "tokenrequests", True)
