"""What Prometheus is told at /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
registry = CollectorRegistry()
answers = Counter("serve_answers", "Answers by path and status.", ("path", "status"), registry=registry)
seconds = Histogram(
    "serve_seconds", "From a request's first byte to its answer's last.", ("path",), buckets=SECONDS, registry=registry
)
images = Counter("serve_images", "Images that were classified.", ("version",), registry=registry)
waiting = Gauge("serve_waiting_requests", "Requests whose images wait to be computed.", registry=registry)
