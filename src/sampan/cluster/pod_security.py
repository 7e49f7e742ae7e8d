"""The file of --pod-security-config."""

from pathlib import Path

from sampan.api.pod_security.configuration import BadConfiguration, Configuration, configuration_of
from sampan.cluster.config import ClusterError


def read_pod_security(file: Path | None) -> Configuration:
    """The configuration of a file, the defaults without one. Raises ClusterError."""
    if file is None:
        return Configuration()
    import yaml

    try:
        return configuration_of(yaml.safe_load(file.read_bytes()))
    except OSError as error:
        raise ClusterError(f"{file}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ClusterError(f"{file}: not YAML: {' '.join(str(error).split())}") from error
    except BadConfiguration as error:
        raise ClusterError(f"{file}: {error}") from error
