"""The operator's page: in Airflow's navigation, and as the tab `Data` of each DAG."""

from airflow.plugins_manager import AirflowPlugin

from sessionize.airflow.page.mount import EXTERNAL_VIEWS, FASTAPI_APPS


class SessionizePage(AirflowPlugin):
    """Registers the page of `sessionize.airflow.page`."""

    name = "sessionize_page"
    fastapi_apps = FASTAPI_APPS
    external_views = EXTERNAL_VIEWS
