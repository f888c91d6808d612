# One image per service: each target has the name of its service. Two more targets are `setup` and `cli`.
#   docker build --target token --tag latchkey/token .
# BASE_IMAGE is any image with Python 3.11 or newer, its module venv and pip (checked with Debian 12 as well). Name it with
# its digest for repeatable builds.
ARG BASE_IMAGE=python:3.12-slim

# Dependencies of the services from the lock file. Nothing is compiled: nkeys is pure Python but published as source only;
# its pinned build backend does not stay in the image.
FROM ${BASE_IMAGE} AS dependencies
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
RUN ["python3", "-m", "venv", "--without-pip", "/opt/latchkey/venv"]
COPY deploy/docker/build.lock requirements.lock /tmp/
RUN ["python3", "-m", "pip", "--python", "/opt/latchkey/venv/bin/python", "install", \
     "--require-hashes", "--only-binary", ":all:", "-r", "/tmp/build.lock"]
RUN ["python3", "-m", "pip", "--python", "/opt/latchkey/venv/bin/python", "install", \
     "--require-hashes", "--only-binary", ":all:", "--no-binary", "nkeys", "--no-build-isolation", "-r", "/tmp/requirements.lock"]
RUN ["python3", "-m", "pip", "--python", "/opt/latchkey/venv/bin/python", "uninstall", "--yes", "setuptools"]

# The code with bytecode, because nothing is written at run time. The stages below copy parts of it.
FROM dependencies AS code
WORKDIR /opt/latchkey/app
COPY services services
COPY libs libs
COPY deploy deploy
RUN ["/opt/latchkey/venv/bin/python", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "."]

FROM ${BASE_IMAGE} AS runtime
ARG VERSION=0.2.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Latchkey" \
      org.opencontainers.image.description="An OAuth 2.0 and OpenID Connect authorization server made of five small services" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The current folder is not searched for modules.
ENV PATH=/opt/latchkey/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/latchkey/app PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /opt/latchkey/app
COPY --from=dependencies /opt/latchkey/venv /opt/latchkey/venv
COPY --from=code /opt/latchkey/app/libs/contract/latchkey latchkey
COPY --from=code /opt/latchkey/app/libs/__init__.py /opt/latchkey/app/libs/backoff.py libs/
COPY --from=code /opt/latchkey/app/libs/crypto libs/crypto
COPY --from=code /opt/latchkey/app/libs/languages libs/languages
COPY --from=code /opt/latchkey/app/libs/oauth libs/oauth
COPY --from=code /opt/latchkey/app/libs/servicekit libs/servicekit
USER 10001:10001

FROM runtime AS service
COPY --from=code /opt/latchkey/app/services/__init__.py services/__init__.py
COPY deploy/docker/probe.py /opt/latchkey/probe.py
# Health and metrics, for the platform only.
EXPOSE 9100

FROM service AS authorize-frontend
COPY --from=code /opt/latchkey/app/services/authorize_frontend services/authorize_frontend
EXPOSE 8080
ENTRYPOINT ["python", "-m", "services.authorize_frontend"]

FROM service AS token
COPY --from=code /opt/latchkey/app/libs/fetch libs/fetch
COPY --from=code /opt/latchkey/app/services/token services/token
EXPOSE 8081 9090
ENTRYPOINT ["python", "-m", "services.token"]

FROM service AS authentication
COPY --from=code /opt/latchkey/app/libs/fetch libs/fetch
COPY --from=code /opt/latchkey/app/services/authentication services/authentication
EXPOSE 9090
ENTRYPOINT ["python", "-m", "services.authentication"]

FROM service AS device
COPY --from=code /opt/latchkey/app/services/device services/device
EXPOSE 9090
ENTRYPOINT ["python", "-m", "services.device"]

FROM service AS key-rotation
COPY --from=code /opt/latchkey/app/services/key_rotation services/key_rotation
EXPOSE 9090
ENTRYPOINT ["python", "-m", "services.key_rotation"]

FROM service AS event-bridge
COPY --from=code /opt/latchkey/app/libs/fetch libs/fetch
COPY --from=code /opt/latchkey/app/services/event_bridge services/event_bridge
EXPOSE 8082 9090
ENTRYPOINT ["python", "-m", "services.event_bridge"]

# The command line for operators, with the identity `cli`.
FROM runtime AS cli
COPY --from=code /opt/latchkey/app/libs/sdk/latchkey_sdk latchkey_sdk
COPY --from=code /opt/latchkey/app/libs/cli libs/cli
COPY deploy/docker/latchkey /opt/latchkey/venv/bin/latchkey
ENTRYPOINT ["latchkey"]

# For docker-compose.yml only: creates certificates, accounts and secrets for all containers. A new volume gets owner and
# mode from the folder of its first mount, so setup need not run as root.
FROM runtime AS setup
USER 0:0
RUN ["install", "--directory", "--owner=10001", "--group=10001", "--mode=0700", "/etc/latchkey", "/handout/nats-data", \
     "/handout/authorize-frontend", "/handout/token", "/handout/authentication", "/handout/device", \
     "/handout/key-rotation", "/handout/event-bridge", "/handout/cli", "/handout/nats"]
RUN ["install", "--directory", "--owner=10001", "--group=10001", "--mode=0755", "/handout/postgres"]
USER 10001:10001
COPY deploy/__init__.py deploy/__init__.py
COPY deploy/provision deploy/provision
COPY deploy/docker/__init__.py deploy/docker/addresses.py deploy/docker/handout.py deploy/docker/roles.py \
     deploy/docker/setup.py deploy/docker/
ENTRYPOINT ["python", "-m", "deploy.docker.setup"]
