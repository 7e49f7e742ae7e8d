"""What authentication says beside who asks: warnings for the client, annotations for the audit log, counters."""

from dataclasses import dataclass, field

from sampan.obs.metrics import Metrics


@dataclass(slots=True)
class Notes:
    """Of one token."""

    warnings: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.warnings or self.annotations)


class TokenMetrics:
    """How often service account tokens of each kind were used (upstream: pkg/serviceaccount/metrics.go)."""

    def __init__(self, metrics: Metrics) -> None:
        def counter(name: str, text: str) -> "Tally":
            made: Tally = metrics.counter(f"serviceaccount_{name}_total", f"[ALPHA] Cumulative {text} used")
            return made

        self.legacy = counter("legacy_tokens", "legacy service account tokens")
        self.stale = counter("stale_tokens", "stale projected service account tokens")
        self.valid = counter("valid_tokens", "valid projected service account tokens")
        self.manual = counter("legacy_manual_token_uses", "manually created legacy tokens")
        self.automatic = counter("legacy_auto_token_uses", "auto-generated legacy tokens")
        self.invalid = counter("invalid_legacy_auto_token_uses", "invalid auto-generated legacy tokens")


class Tally:
    """A counter, as far as it is used here."""

    def inc(self) -> None: ...
