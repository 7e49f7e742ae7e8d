"""Metrics as upstream's scrapers read them."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sampan.obs.metrics import Metrics


def samples(metrics: Metrics) -> dict[str, float]:
    """Every sample by name and labels."""
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_counters_keep_their_names() -> None:
    metrics = Metrics()
    metrics.counter("requests_total", "Requests.", ["verb"]).labels("get").inc(2)
    metrics.counter("kubelet_evented_pleg_connection_error_count", "Errors.").inc()
    text = metrics.text().decode()
    assert "# HELP kubelet_evented_pleg_connection_error_count Errors.\n" in text
    assert "# TYPE kubelet_evented_pleg_connection_error_count counter\n" in text
    assert "\nkubelet_evented_pleg_connection_error_count 1.0\n" in text
    assert 'requests_total{verb="get"} 2.0\n' in text
    assert "_created" not in text


def test_a_counter_with_labels_needs_total() -> None:
    with pytest.raises(ValueError, match="_total"):
        Metrics().counter("requests", "Requests.", ["verb"])


def test_gauges_ask_when_they_are_read() -> None:
    metrics, value = Metrics(), [1]
    metrics.gauge("depth", "Depth.", lambda: value[0])
    metrics.gauge("by_name", "One label.", lambda: {"a": 1, "b": 2}, ["name"])
    metrics.gauge("by_two", "Two labels.", lambda: {("a", "b"): 3}, ["x", "y"])
    value[0] = 5
    assert samples(metrics) == {
        "depth": 5.0, "by_name{name=a}": 1.0, "by_name{name=b}": 2.0, "by_two{x=a,y=b}": 3.0,
    }  # fmt: skip


def test_histograms_have_the_given_buckets() -> None:
    metrics = Metrics()
    histogram = metrics.histogram("duration_seconds", "How long.", buckets=(0.1, 1))
    for seconds in (0.05, 0.5, 5):
        histogram.observe(seconds)
    assert samples(metrics) == {
        "duration_seconds_bucket{le=0.1}": 1.0, "duration_seconds_bucket{le=1.0}": 2.0,
        "duration_seconds_bucket{le=+Inf}": 3.0, "duration_seconds_count": 3.0, "duration_seconds_sum": 5.55,
    }  # fmt: skip


def test_label_values_may_hold_anything() -> None:
    metrics = Metrics()
    metrics.gauge("g", "G.", lambda: {'a"b\\c\nd': 1}, ["name"])
    assert list(samples(metrics).values()) == [1.0]


def test_two_components_do_not_share() -> None:
    one, two = Metrics(), Metrics()
    one.counter("a_total", "A.").inc()
    two.counter("a_total", "A.")
    assert (samples(one), samples(two)) == ({"a_total": 1.0}, {"a_total": 0.0})


def test_a_spread_is_a_histogram() -> None:
    metrics = Metrics()
    spread = metrics.spread("seconds", "How long.", "result", (0.1, 1.0))
    for number in (0.05, 0.1, 0.5, 2.0):
        spread.observe("ok", number)
    assert samples(metrics) == {
        "seconds_bucket{le=0.1,result=ok}": 2.0, "seconds_bucket{le=1,result=ok}": 3.0,
        "seconds_bucket{le=+Inf,result=ok}": 4.0, "seconds_count{result=ok}": 4.0, "seconds_sum{result=ok}": 2.65,
    }  # fmt: skip
