"""The scheduler that the settings ask for."""

from pathlib import Path

from sampan.cluster.config import ClusterError
from sampan.scheduler.configuration.profiles import Settings, settings_of
from sampan.scheduler.configuration.reading import ConfigurationError, read
from sampan.scheduler.extenders import connect


def read_scheduler(file: Path | None) -> Settings | None:
    """What a KubeSchedulerConfiguration file says; None without one. Raises ClusterError."""
    if file is None:
        return None
    import yaml

    from sampan.apiserver.yamltypes import load_first, repeated_keys

    try:
        body = file.read_bytes()
        settings = settings_of(read(load_first(body), repeated_keys(body)))
        for extender in settings.extenders:
            connect(extender)  # certificates that cannot be used are told before anything is started
        return settings
    except OSError as error:
        raise ClusterError(f"{file}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ClusterError(f"{file}: not YAML: {' '.join(str(error).split())}") from error
    except ConfigurationError as error:
        raise ClusterError(f"{file}: {error}") from error
