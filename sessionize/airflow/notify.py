"""Sending a message by the notifiers of Airflow's providers, as the pipeline file says."""

from __future__ import annotations

import importlib.util
from functools import partial, singledispatch
from typing import TYPE_CHECKING

from airflow.sdk import BaseNotifier

from sessionize.alerts.messages import Message
from sessionize.config import PipelineConfig
from sessionize.config.alerts import (
    EmailNotify,
    Notify,
    SlackNotify,
    SlackWebhookNotify,
    SnsNotify,
)
from sessionize.model.errors import ConfigError

if TYPE_CHECKING:
    from sessionize.alerts.tell import Send

#: Amazon SNS refuses a longer subject, and one that is not ASCII.
_SNS_SUBJECT = 100
_MODULES = {
    SlackNotify: "airflow.providers.slack.notifications.slack",
    SlackWebhookNotify: "airflow.providers.slack.notifications.slack_webhook",
    SnsNotify: "airflow.providers.amazon.aws.notifications.sns",
    EmailNotify: "airflow.providers.smtp.notifications.smtp",
}


def recipients_of(config: PipelineConfig) -> dict[str, Send]:
    """Return whom to tell, by a name that stays the same as long as it is the same address."""
    return {_name(to): partial(_send, to) for to in config.alerts.notify}


def check_installed(config: PipelineConfig, source: str) -> None:
    """Make sure that the providers are installed whose notifiers the file asks for.

    Raises
    ------
    ConfigError
        If one is not; it names the package.
    """
    for number, to in enumerate(config.alerts.notify):
        module = _MODULES[type(to)]
        if not _is_there(module):
            package = "apache-airflow-providers-" + module.split(".")[2]
            raise ConfigError(
                f"{source}: setting `alerts.notify[{number}]`: what sends to {_name(to)} is not "
                "installed",
                f"Install {package} (the extra `alerts` has it), or leave the recipient out.",
            )


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _send(to: Notify, message: Message) -> None:
    # Not `notifier(context)`: that takes texts for templates, and texts of errors and of objects'
    # names are none.
    notifier_of(to, message).notify({})


@singledispatch
def _name(to: Notify) -> str:
    raise NotImplementedError(type(to))


@_name.register
def _(to: SlackNotify) -> str:
    return f"slack {to.channel}"


@_name.register
def _(to: SlackWebhookNotify) -> str:
    return f"slack_webhook {to.conn_id}"


@_name.register
def _(to: SnsNotify) -> str:
    return f"sns {to.topic}"


@_name.register
def _(to: EmailNotify) -> str:
    return f"email {', '.join(to.to)}"


@singledispatch
def notifier_of(to: Notify, message: Message) -> BaseNotifier:
    """Make the notifier that sends the message."""
    raise NotImplementedError(type(to))


@notifier_of.register
def _(to: SlackNotify, message: Message) -> BaseNotifier:
    from airflow.providers.slack.notifications.slack import SlackNotifier

    return SlackNotifier(slack_conn_id=to.conn_id, channel=to.channel, text=message.markdown)


@notifier_of.register
def _(to: SlackWebhookNotify, message: Message) -> BaseNotifier:
    from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

    return SlackWebhookNotifier(slack_webhook_conn_id=to.conn_id, text=message.markdown)


@notifier_of.register
def _(to: SnsNotify, message: Message) -> BaseNotifier:
    from airflow.providers.amazon.aws.notifications.sns import SnsNotifier

    return SnsNotifier(
        aws_conn_id=to.conn_id,
        target_arn=to.topic,
        region_name=to.region or to.topic.split(":")[3],
        subject=message.subject.encode("ascii", "replace").decode()[:_SNS_SUBJECT],
        message=message.text,
    )


@notifier_of.register
def _(to: EmailNotify, message: Message) -> BaseNotifier:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    return SmtpNotifier(
        smtp_conn_id=to.conn_id,
        from_email=to.sender,
        to=list(to.to),
        subject=message.subject,
        html_content=message.html,
    )
