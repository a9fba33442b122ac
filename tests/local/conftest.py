"""An S3 and Firehose server for the tests of what is put into it."""

import pytest

from local.s3 import running_s3


@pytest.fixture(scope="package")
def server(tmp_path_factory):
    with running_s3(tmp_path_factory.mktemp("s3"), "events", "copy", "live") as server:
        yield server
