"""The batch group: jobs and cron jobs."""

from functools import partial

from sampan.resources.row import FIRST, STATUS, Row, at

_row = partial(Row, group="batch", version="v1", categories=("all",), subresources=(STATUS,), generation_since=FIRST)

ROWS = (
    _row(kind="CronJob", plural="cronjobs", short=("cj",)),
    _row(kind="Job", plural="jobs", selectable={"status.successful": at("status", "succeeded", default="0")}),
)
