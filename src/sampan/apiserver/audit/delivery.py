"""How events reach a backend: at once or in batches, whole or cut (flags --audit-{log,webhook}-{mode,batch,truncate}).

Pure; texts of errors are upstream's (apiserver/pkg/server/options/audit.go).
"""

from collections.abc import Iterator
from dataclasses import dataclass

BATCH, BLOCKING, STRICT = "batch", "blocking", "blocking-strict"
MODES = (BATCH, BLOCKING, STRICT)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Sizes of buffers and batches in events, times in seconds, sizes of what is cut in bytes."""

    mode: str = BLOCKING
    """batch: later, in batches; blocking: before the answer; blocking-strict: and refuse what cannot be told first."""
    batch_buffer_size: int = 10_000
    batch_max_size: int = 1
    batch_max_wait: float = 0.0
    batch_throttle_enable: bool = False
    batch_throttle_qps: float = 0.0
    batch_throttle_burst: int = 0
    truncate_enabled: bool = False
    truncate_max_batch_size: int = 10 * 1024 * 1024
    truncate_max_event_size: int = 100 * 1024


LOG = Delivery()
WEBHOOK = Delivery(
    BATCH,
    batch_max_size=400,
    batch_max_wait=30.0,
    batch_throttle_enable=True,
    batch_throttle_qps=10.0,
    batch_throttle_burst=15,
)
"""The defaults of both backends."""


def errors_of(plugin: str, delivery: Delivery) -> Iterator[str]:
    """What is wrong with a delivery; what its mode does not use is not looked at."""
    wrong = _batch_error(plugin, delivery)
    if wrong:
        yield wrong
    size, most = delivery.truncate_max_event_size, delivery.truncate_max_batch_size
    if size <= 0:
        yield f"invalid audit truncate {plugin} max event size {size}, must be a positive number"
    elif most < size:
        yield (f"invalid audit truncate {plugin} max batch size {most}, must be greater than max event size ({size})")


def _batch_error(plugin: str, delivery: Delivery) -> str:
    if delivery.mode not in MODES:
        return f'invalid audit {plugin} mode {delivery.mode}, allowed modes are "{",".join(MODES)}"'
    if delivery.mode != BATCH:
        return ""
    wanted = [("buffer size", delivery.batch_buffer_size), ("max batch size", delivery.batch_max_size)]
    if delivery.batch_throttle_enable:
        wanted += [("throttle burst", delivery.batch_throttle_burst)]
        if delivery.batch_throttle_qps <= 0:
            wanted.insert(2, ("throttle QPS", int(delivery.batch_throttle_qps)))
    for name, value in wanted:
        if value <= 0:
            return f"invalid audit batch {plugin} {name} {value}, must be a positive number"
    return ""
