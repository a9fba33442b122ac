"""What the operator is told of, and where: the table ``[alerts]``."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias

from sessionize.config.section import Section
from sessionize.config.units import Duration

_LEAST, _MOST = timedelta(hours=2), timedelta(days=31)


class SlackNotify(Section, frozen=True, tag_field="kind", tag="slack"):
    """A channel of Slack, by an Airflow connection that holds an API token."""

    channel: str
    conn_id: str = "slack_api_default"


class SlackWebhookNotify(Section, frozen=True, tag_field="kind", tag="slack_webhook"):
    """What an incoming webhook of Slack leads to; the connection holds its address."""

    conn_id: str = "slack_default"


class SnsNotify(Section, frozen=True, tag_field="kind", tag="sns"):
    """A topic of Amazon SNS; without a connection, by the standard AWS variables."""

    topic: str
    conn_id: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        if not self.topic.startswith("arn:"):
            raise ValueError(
                f"`topic` is {self.topic!r}: write the ARN of an SNS topic, such as "
                "arn:aws:sns:eu-west-1:123456789012:data"
            )


class EmailNotify(Section, frozen=True, tag_field="kind", tag="email"):
    """People who get mail; without ``sender``, from whom the connection says."""

    to: tuple[str, ...]
    sender: str | None = None
    conn_id: str = "smtp_default"

    def __post_init__(self) -> None:
        if not self.to:
            raise ValueError("`to` is empty: write at least one address")
        if wrong := [address for address in self.to if "@" not in address]:
            raise ValueError(f"`to` has {wrong[0]!r}: write addresses, such as data@example.com")


Notify: TypeAlias = SlackNotify | SlackWebhookNotify | SnsNotify | EmailNotify
#: What `kind` may be.
NOTIFY_KINDS = ("slack", "slack_webhook", "sns", "email")


class Alerts(Section, frozen=True):
    """What is told, and to whom.

    Shares are told of over ``[limits] warn_quarantined`` and ``warn_late``.

    Attributes
    ----------
    late_after : Duration or None
        How long after its end an hour that is not published is late; None: never.
    outdated, empty_hours, failures : bool
        Outdated and interrupted hours; hours without a record; tasks that have failed for good.
    look_back : Duration
        How many hours, up to the last one published, are looked at.
    """

    late_after: Duration | None = None
    outdated: bool = True
    empty_hours: bool = False
    failures: bool = True
    look_back: Duration = Duration.parse("2d")
    notify: tuple[Notify, ...] = ()

    def __post_init__(self) -> None:
        if not _LEAST <= self.look_back <= _MOST:
            raise ValueError("`look_back` is outside 2h to 31d: each of its hours is read again")

    @property
    def are_on(self) -> bool:
        """Whether anybody wants to be told: there is a watch then."""
        return bool(self.notify) or self.late_after is not None or self.empty_hours
