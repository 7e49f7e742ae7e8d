"""grpc.health.v1 Health/Check: one call, for probes."""

from grpclib.client import Channel
from grpclib.exceptions import GRPCError
from grpclib.health.v1.health_grpc import HealthStub
from grpclib.health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse


async def check(host: str, port: int, service: str) -> str:
    """SERVING, NOT_SERVING, UNKNOWN, SERVICE_UNKNOWN. Raises OSError when the server does not answer so."""
    channel = Channel(host, port)
    try:
        answer = await HealthStub(channel).Check(HealthCheckRequest(service=service))
    except GRPCError as error:
        raise OSError(f"{error.status.name}: {error.message}") from error
    finally:
        channel.close()
    return str(HealthCheckResponse.ServingStatus.Name(answer.status))
