"""grpc.health.v1 Health/Check: one call, for probes."""

from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError
from grpclib.health.v1.health_grpc import HealthStub
from grpclib.health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

UNIMPLEMENTED = "this server does not implement the grpc health protocol (grpc.health.v1.Health)"


async def check(host: str, port: int, service: str) -> str:
    """SERVING, NOT_SERVING, UNKNOWN, SERVICE_UNKNOWN. Raises OSError when the server does not answer so."""
    channel = Channel(host, port)
    try:
        answer = await HealthStub(channel).Check(HealthCheckRequest(service=service))
    except GRPCError as error:
        raise OSError(_words(error)) from error
    except (ProtocolError, StreamTerminatedError) as error:
        raise OSError(f"the connection was broken off: {error}") from error
    finally:
        channel.close()
    return str(HealthCheckResponse.ServingStatus.Name(answer.status))


def _words(error: GRPCError) -> str:
    if error.status is Status.UNIMPLEMENTED:
        return f"{UNIMPLEMENTED}: {error.message}"
    return f"{error.status.name}: {error.message}"
