# moto from PyPI in the place of its official image.
ARG FROM
FROM ${FROM}
RUN python -m pip install -q --no-cache-dir --root-user-action=ignore "moto[server]==5.2.5"
ENTRYPOINT ["/usr/local/bin/moto_server", "-H", "0.0.0.0"]
EXPOSE 5000
