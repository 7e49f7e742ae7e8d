"""The scheduler's metrics: names, types and labels of kube-scheduler, and what is counted."""

from sampan.obs.metrics import Metrics
from sampan.scheduler.metrics import SchedulerMetrics, doubling
from sampan.scheduler.pod import read_pod
from sampan.scheduler.queue import Entry, SchedulingQueue


def test_names_and_figures() -> None:
    metrics, queue = Metrics(), SchedulingQueue({})
    pod = read_pod({"metadata": {"name": "p", "namespace": "n"}, "spec": {"containers": []}})
    queue.put(pod, 0.0)
    made = SchedulerMetrics(metrics, queue, lambda: {"nodes": 3})
    turn = made.turn("default-scheduler")
    turn.lap("Filter", "Success")
    made.decided(turn)
    made.bound(turn, Entry(pod, 0.0, 0.0, attempts=15, flushed=True), 2.5)
    made.preempted(2)
    made.handled("NodeAdd", 0.0)
    text = metrics.text().decode()
    for line in (
        "# TYPE scheduler_schedule_attempts_total counter",
        'scheduler_schedule_attempts_total{profile="default-scheduler",result="scheduled"} 1.0',
        "# TYPE scheduler_scheduling_attempt_duration_seconds histogram",
        'scheduler_scheduling_attempt_duration_seconds_count{profile="default-scheduler",result="scheduled"} 1.0',
        "scheduler_scheduling_algorithm_duration_seconds_count 1.0",
        'scheduler_pod_scheduling_sli_duration_seconds_bucket{attempts="15+",le="1.28"} 0.0',
        'scheduler_pod_scheduling_sli_duration_seconds_bucket{attempts="15+",le="2.56"} 1.0',
        'scheduler_pod_scheduling_sli_duration_seconds_bucket{attempts="15+",le="+Inf"} 1.0',
        'scheduler_pod_scheduling_sli_duration_seconds_sum{attempts="15+"} 2.5',
        "scheduler_framework_extension_point_duration_seconds_count"
        '{extension_point="Filter",profile="default-scheduler",status="Success"} 1.0',
        "scheduler_preemption_attempts_total 1.0",
        'scheduler_preemption_victims_bucket{le="2.0"} 1.0',
        "scheduler_pod_scheduled_after_flush_total 1.0",
        'scheduler_event_handling_duration_seconds_count{event="NodeAdd"} 1.0',
        'scheduler_pending_pods{queue="active"} 1.0',
        'scheduler_queue_incoming_pods_total{event="UnschedulablePodAdd",queue="active"} 1.0',
        'scheduler_cache_size{type="nodes"} 3.0',
        'scheduler_inflight_events{event="PodPopped"} 0.0',
        'scheduler_goroutines{operation="binding"} 0.0',
    ):
        assert line in text.splitlines(), line


def test_buckets_double() -> None:
    assert doubling(0.001, 4) == (0.001, 0.002, 0.004, 0.008)
