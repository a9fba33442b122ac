"""How tasks reach S3: through an Airflow connection, or the standard AWS variables."""

from __future__ import annotations

from sessionize.lake.storage import S3Credentials
from sessionize.model.errors import ConfigError, StorageError


def credentials_of(aws_conn_id: str | None) -> S3Credentials | None:
    """Read an ``aws`` connection: keys, role, region, endpoint.

    Parameters
    ----------
    aws_conn_id : str or None
        None leaves it to the standard AWS variables, files and instance roles.

    Raises
    ------
    ConfigError
        If there is no such connection.
    StorageError
        If the connection yields no credentials.
    """
    if aws_conn_id is None:
        return None
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException
    from botocore.exceptions import BotoCoreError, ClientError

    hook = AwsBaseHook(aws_conn_id=aws_conn_id, client_type="s3")
    try:
        # The hook itself falls back to the AWS variables, silently, if there is no connection.
        hook.get_connection(aws_conn_id)
    except AirflowNotFoundException:
        raise ConfigError(
            f"there is no Airflow connection `{aws_conn_id}`",
            f"Create it (airflow connections add {aws_conn_id} --conn-type aws …), or mend "
            "`airflow.aws_conn_id` in the pipeline file.",
        ) from None
    session = hook.get_session()
    try:
        credentials = session.get_credentials()
        keys = credentials and credentials.get_frozen_credentials()
    except (BotoCoreError, ClientError) as error:
        raise StorageError(
            f"the Airflow connection `{aws_conn_id}` gives no credentials ({error})",
            "Mend its keys, its role or its profile.",
        ) from error
    if keys is None:
        raise StorageError(
            f"the Airflow connection `{aws_conn_id}` gives no credentials",
            "Put keys or a role into it, or give the workers an instance role.",
        )
    return S3Credentials(
        access_key=keys.access_key,
        secret_key=keys.secret_key,
        session_token=keys.token,
        region=hook.region_name,
        endpoint_url=hook.conn_config.get_service_endpoint_url("s3"),
    )
