"""What is wrong with a pod's spec (core validation: ValidatePodSpec)."""

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, duplicate, invalid, not_supported, required
from sampan.resources.validation.pods.containers import check_container
from sampan.resources.validation.pods.host_process import check_host_process
from sampan.resources.validation.pods.volumes import check_volumes

RESTART = ("Always", "OnFailure", "Never")
DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
KEYS = ("initContainers", "containers")


def check_pod_spec(spec: Obj, at: str) -> Errors:
    """Volumes, containers and policies; `at` is where the spec stands."""
    volumes, errors = check_volumes(spec.get("volumes") or (), f"{at}.volumes")
    if not spec.get("containers"):
        errors.append(required(f"{at}.containers"))
    names: set[str] = set()
    for key in KEYS:
        for index, container in enumerate(spec.get(key) or ()):
            here = f"{at}.{key}[{index}]"
            errors += check_container(container, here, volumes)
            name = container.get("name")
            if name and name in names:
                errors.append(duplicate(f"{here}.name", name))
            names.add(name)
    if spec.get("restartPolicy") and spec["restartPolicy"] not in RESTART:
        errors.append(not_supported(f"{at}.restartPolicy", spec["restartPolicy"], RESTART))
    if spec.get("dnsPolicy") and spec["dnsPolicy"] not in DNS:
        listing = ", ".join(f'"{choice}"' for choice in DNS)
        text = f'Unsupported value: "{spec["dnsPolicy"]}": supported values: {listing}'
        errors.append(not_supported(f"{at}.dnsPolicy", spec["dnsPolicy"], DNS)._replace(message=text))
    grace = spec.get("terminationGracePeriodSeconds")
    if isinstance(grace, int) and grace < 0:
        errors.append(invalid(f"{at}.terminationGracePeriodSeconds", grace, "must be greater than or equal to 0"))
    return errors + check_host_process(spec, at)
