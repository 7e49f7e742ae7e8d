"""Proxies in front of the API server, and how others are told of them."""

from sampan.api.json import Obj, dumps
from sampan.apiserver.authn.front_proxy import FrontProxy, HeaderNames
from sampan.cluster.access_options import AuthenticationOptions
from sampan.cluster.config import ClusterError
from sampan.cluster.pki import Pki


class Fronts:
    """Whom to trust to name users: the cluster's own front proxy, and those of the settings. Raises ClusterError."""

    def __init__(self, options: AuthenticationOptions, pki: Pki, own: Pki) -> None:
        self._options, self._clients = options, pki.ca.certificate
        self.authorities = own.ca.certificate
        path = options.requestheader_client_ca_file
        if path is not None:
            try:
                self.authorities += b"\n" + path.read_bytes()
            except OSError as error:
                raise ClusterError(f"open {path}: {(error.strerror or '').lower()}") from error
        headers = HeaderNames(
            _lower(options.requestheader_username_headers), _lower(options.requestheader_uid_headers),
            _lower(options.requestheader_group_headers), _lower(options.requestheader_extra_headers_prefix),
        )  # fmt: skip
        try:
            names = _parts(options.requestheader_allowed_names)
            self.proxy = FrontProxy(self.authorities, self._clients, names, headers)
        except ValueError as error:
            raise ClusterError(f"{path}: data does not contain any valid RSA or ECDSA certificates") from error

    @property
    def trusted(self) -> bytes:
        """All who sign certificates of clients, PEM."""
        return self._clients + b"\n" + self.authorities

    def told(self) -> Obj:
        """The ConfigMap by which extension API servers find out whom to trust."""
        options = self._options
        data = {
            "client-ca-file": self._clients.decode(),
            "requestheader-allowed-names": _listed(options.requestheader_allowed_names),
            "requestheader-client-ca-file": self.authorities.decode(),
            "requestheader-extra-headers-prefix": _listed(options.requestheader_extra_headers_prefix),
            "requestheader-group-headers": _listed(options.requestheader_group_headers),
            "requestheader-uid-headers": _listed(options.requestheader_uid_headers),
            "requestheader-username-headers": _listed(options.requestheader_username_headers),
        }
        meta = {"name": "extension-apiserver-authentication", "namespace": "kube-system"}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _lower(text: str) -> tuple[str, ...]:
    return tuple(part.lower() for part in _parts(text))


def _listed(text: str) -> str:
    return dumps(list(_parts(text))).decode()
