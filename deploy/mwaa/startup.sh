#!/bin/sh
# Amazon MWAA runs this on each of its machines, before it installs requirements and starts Airflow.

export SESSIONIZE_RELEASE="@SESSIONIZE@"

# Kernels are compiled ahead, or the first task on a worker does it, for a quarter of a minute. The
# package is not there yet: wait for it aside, so that the start is held up by nothing.
compile_kernels() {
  tries=0
  until python3 -c 'import sessionize.kernels' 2> /dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || return 0
    sleep 10
  done
  python3 -m sessionize.kernels
}

if [ "${MWAA_AIRFLOW_COMPONENT:-}" = worker ]; then
  compile_kernels > /tmp/sessionize-kernels.log 2>&1 &
fi
