# Debian's Redis in the place of the official image.
ARG FROM
FROM ${FROM}
RUN apt-get update -q && apt-get install -q -y --no-install-recommends redis-server redis-tools \
 && rm -rf /var/lib/apt/lists/* && install -d -o redis -g redis /data
VOLUME /data
WORKDIR /data
CMD ["redis-server"]
