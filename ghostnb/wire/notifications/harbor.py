"""Webhooks of Harbor, in its own format and as CloudEvents.

Notes
-----
Source: Harbor, "Configure Webhook Notifications"
(https://goharbor.io/docs/main/working-with-projects/project-configuration/configure-webhooks/).

CloudEvents 1.0 have an id, which stays when Harbor tries again. Its own format has none: one is
made of kind, time, operator and what it is about. A tag that is not there stands as the digest.
A replication that still runs gives no event; nor do charts, which Harbor no longer keeps.
"""

from dataclasses import dataclass

import msgspec

from ghostnb.wire.events import Event
from ghostnb.wire.notifications.delivery import Delivery, NotificationError
from ghostnb.wire.notifications.proofs import authorization
from ghostnb.wire.notifications.reading import (
    decode,
    digest_of,
    few,
    host_of,
    identity,
    own_id,
    repository_of,
    tag_of,
    text_of,
    time_of,
    unix_time_of,
)
from ghostnb.wire.notifications.source import Source

__all__ = ["HARBOR"]

# Harbor's own name, CloudEvents' name, what it is here, and how it ended.
_KINDS = (
    ("PUSH_ARTIFACT", "harbor.artifact.pushed", "push", "success"),
    ("PULL_ARTIFACT", "harbor.artifact.pulled", "pull", "success"),
    ("DELETE_ARTIFACT", "harbor.artifact.deleted", "delete", "success"),
    ("SCANNING_COMPLETED", "harbor.scan.completed", "scan", "success"),
    ("SCANNING_STOPPED", "harbor.scan.stopped", "scan", "failure"),
    ("SCANNING_FAILED", "harbor.scan.failed", "scan", "failure"),
    ("QUOTA_EXCEED", "harbor.quota.exceeded", "quota", "denied"),
    ("QUOTA_WARNING", "harbor.quota.warned", "quota", "success"),
    ("REPLICATION", "harbor.replication.status.changed", "copy", ""),
    ("TAG_RETENTION", "harbor.tag_retention.finished", "delete", ""),
)
_ACTIONS = {name: row[2:] for row in _KINDS for name in row[:2]}
# Of jobs that are over.
_OUTCOMES = {
    "success": "success",
    "succeed": "success",
    "failed": "failure",
    "error": "failure",
    "stopped": "failure",
}


class _Report(msgspec.Struct):
    severity: str | None = None


class _Resource(msgspec.Struct):
    digest: str | None = None
    tag: str | None = None
    resource_url: str | None = None
    scan_overview: dict[str, _Report] | None = None


class _Repository(msgspec.Struct):
    repo_full_name: str


class _Replication(msgspec.Struct):
    harbor_hostname: str | None = None
    job_status: str | None = None


class _Artifact(msgspec.Struct):
    name_tag: str
    status: str | None = None


class _Retention(msgspec.Struct):
    project_name: str
    harbor_hostname: str | None = None
    deleted_artifact: list[_Artifact] | None = None


class _Data(msgspec.Struct):
    resources: list[_Resource] | None = None
    repository: _Repository | None = None
    replication: _Replication | None = None
    retention: _Retention | None = None
    custom_attributes: dict[str, str] | None = None


class _Body(msgspec.Struct):
    type: str
    operator: str | None = None
    # Harbor's own format
    occur_at: int | None = None
    event_data: _Data | None = None
    # CloudEvents
    id: str | None = None
    time: str | None = None
    data: _Data | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    """What all events of one body share."""

    body: _Body
    path: str
    action: str
    outcome: str
    time: str

    def event(
        self,
        number: int,
        *,
        host: str | None = None,
        repository: str | None = None,
        tag: str | None = None,
        digest: str | None = None,
        outcome: str = "",
        message: str = "",
    ) -> Event:
        """Make the event of the body's part of this number."""
        return Event(
            id=self._id(number, host, repository, tag, digest),
            time=self.time,
            source="harbor",
            action=self.action,
            host=host,
            repository=repository,
            tag=tag,
            digest=digest,
            actor=text_of(self.body.operator) or None,
            outcome=outcome or self.outcome,
            message=message,
        )

    def _id(self, number: int, *subject: str | None) -> str:
        if self.body.id:
            return own_id(f"{self.body.id}-{number}" if number else self.body.id)
        return identity(
            "harbor", self.body.type, self.body.operator, self.time, number, self.outcome, *subject
        )


def _decode(delivery: Delivery) -> list[Event]:
    body = decode(delivery.body, _Body)
    if body.type not in _ACTIONS:
        return []
    data = body.event_data or body.data
    if data is None:
        raise NotificationError("$", f"Neither event_data nor data is there for {body.type}.")
    path = "$.event_data" if body.event_data else "$.data"
    told = _Told(body, path, *_ACTIONS[body.type], _time(body))
    if data.retention is not None:
        return _retention(told, data.retention)
    if data.replication is not None:
        return _replication(told, data.replication)
    return _artifacts(told, data)


def _time(body: _Body) -> str:
    if body.time is not None:
        return time_of(body.time, "$.time")
    if body.occur_at is None:
        raise NotificationError("$", "Neither occur_at nor time is there.")
    return unix_time_of(body.occur_at, "$.occur_at")


def _artifacts(told: _Told, data: _Data) -> list[Event]:
    if data.repository is None:
        raise NotificationError(told.path, f"{told.body.type} has no repository.")
    name_path = f"{told.path}.repository.repo_full_name"
    repository = repository_of(data.repository.repo_full_name, name_path)
    path = f"{told.path}.resources"
    details = text_of((data.custom_attributes or {}).get("Details"))
    resources = few(data.resources, path) or [_Resource()]
    return [
        told.event(
            number,
            host=host_of((resource.resource_url or "").partition("/")[0]),
            repository=repository,
            tag=_tag(resource, f"{path}[{number}].tag"),
            digest=digest_of(resource.digest, f"{path}[{number}].digest"),
            message=details or _severity(resource),
        )
        for number, resource in enumerate(resources)
    ]


def _tag(resource: _Resource, path: str) -> str | None:
    tag = resource.tag
    return None if tag == resource.digest else tag_of(tag, path)


def _severity(resource: _Resource) -> str:
    said = [report.severity for report in (resource.scan_overview or {}).values()]
    worst = next((severity for severity in said if severity), None)
    return f"Severity: {text_of(worst, 30)}" if worst else ""


def _replication(told: _Told, replication: _Replication) -> list[Event]:
    outcome = _OUTCOMES.get((replication.job_status or "").lower())
    host = host_of(replication.harbor_hostname)
    return [told.event(0, host=host, outcome=outcome)] if outcome else []


def _retention(told: _Told, retention: _Retention) -> list[Event]:
    """Give what a retention policy deleted, which it names ``repository:tag`` in its project."""
    host, project = host_of(retention.harbor_hostname), retention.project_name
    path = f"{told.path}.retention.deleted_artifact"
    events = []
    for number, artifact in enumerate(few(retention.deleted_artifact, path)):
        name, _, tag = artifact.name_tag.partition(":")
        events.append(
            told.event(
                number,
                host=host,
                repository=repository_of(f"{project}/{name}", f"{path}[{number}].name_tag"),
                tag=tag_of(tag, f"{path}[{number}].name_tag"),
                outcome=_OUTCOMES.get((artifact.status or "").lower(), "failure"),
                message="Tag retention",
            )
        )
    return events


HARBOR = Source(
    "harbor",
    "Harbor",
    (authorization,),
    _decode,
    "Enter it in the project's webhook as Auth Header: Bearer SECRET.",
)
