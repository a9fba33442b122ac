# The image of every process of Airflow's, for docker-compose.yaml, Helm and whatever else runs
# containers: Airflow with Celery, the package, its DAG files and plugins, its compiled kernels.
#
#   docker build -t sessionize-airflow:0.2.0 .
#
# Pipeline files are not in it: mount them at /opt/sessionize/dags/pipelines, or build an image FROM this one.

# A digest is surer than a tag: --build-arg PYTHON_IMAGE=python@sha256:…
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS builder
WORKDIR /build
COPY requirements-build.txt ./
RUN --mount=type=cache,target=/root/.cache \
    python -m venv tools \
 && tools/bin/pip install -q --disable-pip-version-check --require-hashes --only-binary :all: \
      -r requirements-build.txt
# Without pip in it: nothing is installed into a container that runs.
COPY requirements-image.txt ./
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
RUN --mount=type=cache,target=/root/.cache \
    python -m venv --without-pip /opt/venv \
 && tools/bin/uv pip install -q --python /opt/venv/bin/python --require-hashes --only-binary :all: \
      -r requirements-image.txt
COPY pyproject.toml README.md LICENSE ./
COPY dags ./dags
COPY plugins ./plugins
COPY examples ./examples
COPY sessionize ./sessionize
RUN tools/bin/uv build -q --wheel --no-build-isolation --python tools/bin/python -o dist . \
 && tools/bin/uv pip install -q --python /opt/venv/bin/python --no-deps dist/*.whl \
 && tools/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
      --output-file /opt/venv/sbom.cdx.json /opt/venv/bin/python
RUN /opt/venv/bin/sessionize files --to /opt/sessionize


FROM ${PYTHON_IMAGE}
ARG VERSION=0.2.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sessionize-airflow" \
      org.opencontainers.image.description="Airflow 3.3 with Celery and sessionize" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# dumb-init passes signals on and buries what is orphaned. The user and group are those that
# Airflow's own image has, and its Helm chart expects.
RUN apt-get update -q \
 && apt-get install -q -y --no-install-recommends dumb-init \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 50000 --gid 0 --no-create-home --home-dir /opt/airflow airflow \
 && install -d -o airflow -g root -m 775 /opt/airflow /opt/airflow/logs /opt/kernels

COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /opt/sessionize /opt/sessionize

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/sessionize/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/sessionize/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    NUMBA_CACHE_DIR=/opt/kernels

USER 50000:0
WORKDIR /opt/airflow
# For the processor of the machine that builds: on one of another kind they are compiled at first
# use, if the folder can be written.
RUN python -m sessionize.kernels && chmod -R g=u /opt/kernels

ENTRYPOINT ["dumb-init", "--"]
CMD ["airflow", "info"]
