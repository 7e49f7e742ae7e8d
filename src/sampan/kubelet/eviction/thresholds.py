"""Thresholds of eviction: read from a KubeletConfiguration, compared with what is observed. Pure."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from sampan.api.json import Obj
from sampan.api.quantity import QuantityError, canonical, number, render, value
from sampan.api.times import parse_duration

DEFAULT_HARD = {
    "memory.available": "100Mi", "nodefs.available": "10%", "nodefs.inodesFree": "5%", "imagefs.available": "15%",
    "imagefs.inodesFree": "5%",
}  # fmt: skip
DISK, INODES = "ephemeral-storage", "inodes"
RESOURCES = {
    "memory.available": "memory", "allocatableMemory.available": "memory", "imagefs.available": DISK,
    "imagefs.inodesFree": INODES, "containerfs.available": DISK, "containerfs.inodesFree": INODES,
    "nodefs.available": DISK, "nodefs.inodesFree": INODES, "pid.available": "pids",
}  # fmt: skip
CONDITIONS = {"memory": "MemoryPressure", DISK: "DiskPressure", INODES: "DiskPressure", "pids": "PIDPressure"}


class ThresholdError(ValueError):
    """A threshold that cannot be used; the text is upstream's."""


@dataclass(frozen=True, slots=True)
class Value:
    """A quantity, or a part of what there is."""

    quantity: str = ""
    part: float = 0.0

    def of(self, capacity: int) -> int:
        """The amount, where there is that much in all."""
        return value(self.quantity) if self.quantity else int(float(capacity) * self.part)

    def text(self, capacity: int) -> str:
        """The amount as a quantity."""
        return canonical(self.quantity) if self.quantity else binary(self.of(capacity))


@dataclass(frozen=True, slots=True)
class Threshold:
    """Less than `value` of a signal, for `grace` seconds; hard when that is 0."""

    signal: str
    value: Value
    grace: float = 0.0
    reclaim: Value | None = None

    @property
    def resource(self) -> str:
        return RESOURCES[self.signal]


@dataclass(frozen=True, slots=True)
class Seen:
    """One signal: what is left, of how much, when."""

    available: int
    capacity: int
    at: str = ""
    whole: bool = False
    """It is counted, not measured in bytes."""

    @property
    def text(self) -> str:
        return render(Decimal(self.available)) if self.whole else binary(self.available)


Observations = Mapping[str, Seen]


def binary(amount: int) -> str:
    """Bytes as a quantity."""
    return render(Decimal(amount), "binary")


def short(value: float) -> float:
    """A number as upstream keeps percentages: with single precision."""
    found: float = struct.unpack("f", struct.pack("f", value))[0]
    return found


def _percentage(text: str) -> float:
    try:
        return short(short(float(text.rstrip("%"))) / 100)
    except (ValueError, OverflowError) as error:
        raise ThresholdError(f'strconv.ParseFloat: parsing "{text.rstrip("%")}": invalid syntax') from error


def _known(signal: str) -> None:
    if signal not in RESOURCES:
        raise ThresholdError(f"unsupported eviction signal {signal}")


def _statement(signal: str, text: str) -> Value | None:
    """What a threshold says; nothing for 0% and 100%, which never hold or always."""
    _known(signal)
    if text.endswith("%"):
        if text in ("0%", "100%"):
            return None
        part = _percentage(text)
        if part < 0:
            raise ThresholdError(f"eviction percentage threshold {signal} must be >= 0%: {text}")
        if part > 1:
            raise ThresholdError(f"eviction percentage threshold {signal} must be <= 100%: {text}")
        return Value(part=part)
    if _number(text) <= 0:
        raise ThresholdError(f"eviction threshold {signal} must be positive: {canonical(text)}")
    return Value(text)


def _number(text: str) -> Decimal:
    try:
        return number(text)
    except QuantityError as error:
        raise ThresholdError(str(error)) from error


def _minimum(signal: str, text: str) -> Value:
    _known(signal)
    if text.endswith("%"):
        part = _percentage(text)
        if part <= 0:
            raise ThresholdError(f"eviction percentage minimum reclaim {signal} must be positive: {text}")
        return Value(part=part)
    if _number(text) < 0:
        raise ThresholdError(f"negative eviction minimum reclaim specified for {signal}")
    return Value(text)


def _grace(signal: str, text: str) -> float:
    _known(signal)
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise ThresholdError(f'time: invalid duration "{text}"') from error
    if seconds < 0:
        raise ThresholdError(f"invalid eviction grace period specified: {text}, must be a positive value")
    return seconds


def thresholds(
    hard: Mapping[str, str], soft: Mapping[str, str], graces: Mapping[str, str], reclaim: Mapping[str, str]
) -> tuple[Threshold, ...]:
    """The thresholds of evictionHard, evictionSoft, evictionSoftGracePeriod, evictionMinimumReclaim."""
    firm = [(signal, _statement(signal, str(text))) for signal, text in hard.items()]
    yielding = [(signal, _statement(signal, str(text))) for signal, text in soft.items()]
    periods = {signal: _grace(signal, str(text)) for signal, text in graces.items()}
    least = {signal: _minimum(signal, str(text)) for signal, text in reclaim.items()}
    made = [Threshold(signal, found, 0.0, least.get(signal)) for signal, found in firm if found is not None]
    for signal, found in yielding:
        if found is None:
            continue
        if signal not in periods:
            raise ThresholdError(f"grace period must be specified for the soft eviction threshold {signal}")
        made.append(Threshold(signal, found, periods[signal], least.get(signal)))
    return tuple(made)


def configured(settings: Obj) -> tuple[Threshold, ...]:
    """The thresholds of a KubeletConfiguration. Raises ThresholdError."""
    hard = settings.get("evictionHard")
    if hard is None:
        hard = DEFAULT_HARD
    elif settings.get("mergeDefaultEvictionSettings"):
        hard = {**DEFAULT_HARD, **hard}
    names = ("evictionSoft", "evictionSoftGracePeriod", "evictionMinimumReclaim")
    soft, graces, reclaim = (settings.get(name) or {} for name in names)
    return thresholds(hard, soft, graces, reclaim)


def met(given: Iterable[Threshold], seen: Observations, *, reclaimed: bool = False) -> list[Threshold]:
    """The thresholds that are crossed; `reclaimed`: until their minimum reclaim has been reached, too."""
    found = []
    for one in given:
        observed = seen.get(one.signal)
        if observed is None:
            continue
        least = one.value.of(observed.capacity)
        if reclaimed and one.reclaim is not None:
            least += one.reclaim.of(observed.capacity)
        if observed.available < least:
            found.append(one)
    return found


def observations(summary: Obj) -> dict[str, Seen]:
    """The signals of a Summary."""
    node, found = summary["node"], {}
    memory = node.get("memory") or {}
    if memory.get("availableBytes") is not None and memory.get("workingSetBytes") is not None:
        left = memory["availableBytes"]
        found["memory.available"] = Seen(left, left + memory["workingSetBytes"], memory.get("time", ""))
    runtime = node.get("runtime") or {}
    disks = (
        ("nodefs", node.get("fs")),
        ("imagefs", runtime.get("imageFs")),
        ("containerfs", runtime.get("containerFs")),
    )
    for name, disk in disks:
        if disk is None:
            continue
        at = disk.get("time", "")
        if disk.get("availableBytes") is not None and disk.get("capacityBytes") is not None:
            found[f"{name}.available"] = Seen(disk["availableBytes"], disk["capacityBytes"], at)
        if disk.get("inodesFree") is not None and disk.get("inodes"):
            found[f"{name}.inodesFree"] = Seen(disk["inodesFree"], disk["inodes"], at, whole=True)
    limit = node.get("rlimit") or {}
    if limit.get("maxpid") is not None and limit.get("curproc") is not None:
        left = limit["maxpid"] - limit["curproc"]
        found["pid.available"] = Seen(left, limit["maxpid"], limit.get("time", ""), whole=True)
    return found
