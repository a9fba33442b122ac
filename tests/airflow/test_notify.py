"""Each kind of recipient, told by the provider's own notifier, at a server that stands in."""

from __future__ import annotations

import json

import boto3
import pytest

from sessionize.airflow import notify
from sessionize.airflow.dag import build_dag
from sessionize.airflow.notify import check_installed, recipients_of
from sessionize.alerts.messages import Line, Message, message_of
from sessionize.lake.storage import S3Credentials
from sessionize.model.errors import ConfigError
from tests.alerts.looks import configured

from .conftest import write_pipeline
from .stand_ins import mail_server, web_server

#: What a template or markup would be, were it not a text.
TRICKY = "{{ 1 // 0 }} <b> & …"


def connect(monkeypatch: pytest.MonkeyPatch, conn_id: str, **connection: object) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))


def message() -> Message:
    return message_of("n", [Line(TRICKY, "mend it")], "http://airflow/dags/n")


def send(**to: object) -> None:
    [send] = recipients_of(configured(alerts={"notify": [to]})).values()
    send(message())


def test_slack(monkeypatch: pytest.MonkeyPatch):
    with web_server(b'{"ok": true}') as slack:
        extra = {"base_url": f"{slack.url}/api/"}
        connect(monkeypatch, "slack_api_default", conn_type="slack", password="xoxb", extra=extra)
        send(kind="slack", channel="#data")
    [(path, post)] = slack.posts
    assert (path, post["channel"]) == ("/api/chat.postMessage", "#data")
    assert post["text"] == ("*n: {{ 1 // 0 }} &lt;b&gt; &amp; …*\nmend it\nhttp://airflow/dags/n")


def test_slack_that_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch):
    with web_server(b'{"ok": false, "error": "channel_not_found"}') as slack:
        extra = {"base_url": f"{slack.url}/api/"}
        connect(monkeypatch, "slack_api_default", conn_type="slack", password="xoxb", extra=extra)
        with pytest.raises(Exception, match="channel_not_found"):
            send(kind="slack", channel="#data")


def test_a_webhook_of_slack(monkeypatch: pytest.MonkeyPatch):
    with web_server(b"ok") as slack:
        connect(
            monkeypatch,
            "hook",
            conn_type="slackwebhook",
            password=f"{slack.url}/services/T0/B0/secret",
        )
        send(kind="slack_webhook", conn_id="hook")
    [(path, post)] = slack.posts
    assert path == "/services/T0/B0/secret"
    assert post["text"].startswith("*n: {{ 1 // 0 }} &lt;b&gt;")


def test_sns(monkeypatch: pytest.MonkeyPatch, s3_credentials: S3Credentials):
    keys = {
        "aws_access_key_id": "testing",
        "aws_secret_access_key": "testing",
        "endpoint_url": s3_credentials.endpoint_url,
        "region_name": "eu-west-1",
    }
    sns, sqs = boto3.client("sns", **keys), boto3.client("sqs", **keys)
    topic = sns.create_topic(Name="data")["TopicArn"]
    queue = sqs.create_queue(QueueName="data")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"])

    extra = {"endpoint_url": s3_credentials.endpoint_url}
    connect(monkeypatch, "aws", conn_type="aws", login="testing", password="testing", extra=extra)
    send(kind="sns", topic=topic, conn_id="aws")  # in the topic's region
    [received] = sqs.receive_message(QueueUrl=queue)["Messages"]
    body = json.loads(received["Body"])
    assert body["Subject"] == "n: {{ 1 // 0 }} <b> & ?"
    assert body["Message"] == f"n: {TRICKY}\nmend it\nhttp://airflow/dags/n"


def test_email(monkeypatch: pytest.MonkeyPatch):
    with mail_server() as mail:
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com"}
        connect(
            monkeypatch,
            "smtp_default",
            conn_type="smtp",
            host="127.0.0.1",
            port=mail.port,
            extra=extra,
        )
        send(kind="email", to=["a@example.com", "b@example.com"])
        send(kind="email", to=["a@example.com"], sender="me@example.com")
    (first, mail_of_connection), (_, mail_of_sender) = mail.mails
    assert first == ["a@example.com", "b@example.com"]
    assert mail_of_connection["Subject"] == f"n: {TRICKY}"
    assert [mail_of_connection["From"], mail_of_sender["From"]] == [
        "airflow@example.com",
        "me@example.com",
    ]
    [part] = [part for part in mail_of_connection.walk() if part.get_content_type() == "text/html"]
    assert part.get_content().strip() == (
        "<b>n: {{ 1 // 0 }} &lt;b&gt; &amp; …</b><br>\nmend it<br>\nhttp://airflow/dags/n"
    )


def test_a_provider_that_is_not_installed_is_named_when_the_dag_is_loaded(
    pipelines, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(notify, "_is_there", lambda module: "slack" not in module)
    text = '[[alerts.notify]]\nkind = "email"\nto = ["a@b.c"]\n[[alerts.notify]]\nkind = "slack"\n'
    file = write_pipeline(pipelines, "nitro", text + 'channel = "#data"\n')
    fault = r"`alerts.notify\[1\]`.*slack #data.*Install apache-airflow-providers-slack"
    with pytest.raises(ConfigError, match=fault):
        build_dag(file)


def test_a_package_that_is_not_there_is_noticed(monkeypatch: pytest.MonkeyPatch):
    config = configured(alerts={"notify": [{"kind": "slack", "channel": "#data"}]})
    check_installed(config, "file")
    monkeypatch.setitem(notify._MODULES, type(config.alerts.notify[0]), "airflow.providers.x.y.z")
    with pytest.raises(ConfigError, match="apache-airflow-providers-x"):
        check_installed(config, "file")
