"""What a KubeletConfiguration says of eviction, image collection and shutdown. Pure."""

from sampan.api.times import format_duration
from sampan.kubelet.configuration import ConfigurationError, Loaded
from sampan.kubelet.eviction.thresholds import ThresholdError, configured
from sampan.kubelet.evictor import Rules
from sampan.kubelet.image_choice import Policy
from sampan.kubelet.shutdown_plan import Grace, by_periods

WRONG = "invalid configuration: "


def eviction_rules(settings: Loaded) -> Rules:
    """When pods have to go. Raises ConfigurationError."""
    try:
        thresholds = configured(settings.values)
    except ThresholdError as error:
        raise ConfigurationError(str(error)) from error
    return Rules(
        thresholds, settings.seconds("evictionPressureTransitionPeriod"),
        int(settings.at("evictionMaxPodGracePeriod") or 0), bool(settings.at("localStorageCapacityIsolation")),
    )  # fmt: skip


def image_policy(settings: Loaded) -> Policy:
    """When images are removed. Raises ConfigurationError."""
    high, low = settings.at("imageGCHighThresholdPercent"), settings.at("imageGCLowThresholdPercent")
    youngest, oldest = settings.seconds("imageMinimumGCAge"), settings.seconds("imageMaximumGCAge")
    named = (
        (high, "imageGCHighThresholdPercent (--image-gc-high-threshold)"),
        (low, "imageGCLowThresholdPercent (--image-gc-low-threshold)"),
    )
    for percent, name in named:
        if not 0 <= percent <= 100:
            raise ConfigurationError(f"{WRONG}{name} {percent} must be between 0 and 100, inclusive")
    if low >= high:
        raise ConfigurationError(f"{WRONG}{named[1][1]} {low} must be less than {named[0][1]} {high}")
    for seconds, name in ((youngest, "imageMinimumGCAge"), (oldest, "imageMaximumGCAge")):
        if seconds < 0:
            raise ConfigurationError(f"{WRONG}{name} {format_duration(seconds)} must not be negative")
    if 0 < oldest <= youngest:
        text = f"imageMaximumGCAge {format_duration(oldest)} must be greater than imageMinimumGCAge "
        raise ConfigurationError(f"{WRONG}{text}{format_duration(youngest)}")
    return Policy(int(high), int(low), youngest, oldest)


def shutdown_graces(settings: Loaded) -> tuple[Grace, ...]:
    """How long pods have when the machine is switched off. Raises ConfigurationError."""
    names = ("shutdownGracePeriod", "shutdownGracePeriodCriticalPods")
    whole, critical = (settings.seconds(name) for name in names)
    if critical > whole:
        text = f"{names[1]} {format_duration(critical)} must be <= {names[0]} {format_duration(whole)}"
        raise ConfigurationError(WRONG + text)
    for seconds, name in ((whole, names[0]), (critical, names[1])):
        if seconds < 0 or 0 < seconds < 1:
            raise ConfigurationError(
                f"{WRONG}{name} {format_duration(seconds)} must be either zero or otherwise >= 1 sec"
            )
    given = settings.at("shutdownGracePeriodByPodPriority")
    if not given:
        return by_periods(whole, critical)
    if whole > 0 or critical > 0:
        text = "Cannot specify both shutdownGracePeriodByPodPriority and shutdownGracePeriod at the same time"
        raise ConfigurationError(WRONG + text)
    try:
        return tuple(Grace(int(one["priority"]), int(one["shutdownGracePeriodSeconds"])) for one in given)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"shutdownGracePeriodByPodPriority: {given!r}: expected priorities and seconds"
        ) from error
