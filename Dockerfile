# Redkey as an image: small, not root, and it says itself whether it is well.
# docker build -t redkey .   Then see compose.yaml, or docs/scaling.md for Kubernetes. Podman and Buildah keep the health check
# with --format docker only: the other format has no place for it.
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/redkey
WORKDIR /src
COPY requirements.lock ./
RUN /opt/redkey/bin/pip install --require-hashes --no-deps -r requirements.lock
COPY . .
RUN /opt/redkey/bin/pip install --no-deps .

FROM python:3.13-slim
ENV PATH=/opt/redkey/bin:$PATH PYTHONUNBUFFERED=1 REDKEY_WEB__HOST=0.0.0.0
RUN groupadd --gid 10001 redkey && useradd --uid 10001 --gid 10001 --home-dir /var/lib/redkey --create-home \
    --skel /nonexistent --no-log-init redkey
COPY --from=build /opt/redkey /opt/redkey
USER 10001:10001
WORKDIR /var/lib/redkey
VOLUME /var/lib/redkey
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('REDKEY_WEB__PORT', '8080') + '/healthz', timeout=3)"]
ENTRYPOINT ["redkey"]
CMD ["run"]
