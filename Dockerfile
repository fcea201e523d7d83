# syntax=docker/dockerfile:1
# Portico's image: one bundled file, its descriptors and its migrations, on a Node without a shell. It runs as an
# unprivileged user, and its file system may be read-only.
#
#   docker build --build-arg VERSION=$(node -p "require('./package.json').version") --build-arg REVISION=$(git rev-parse HEAD) -t portico .
#
# The bases are pinned by the most exact tag of each; distroless has only the versions of Node and Debian in its name. A
# release is built from digests. The public CI looks up each tag
# (`docker buildx imagetools inspect --format '{{json .Manifest.Digest}}' TAG`), passes TAG@sha256:... as BUILD_IMAGE and
# RUNTIME_IMAGE, builds with `--sbom=true --provenance=mode=max`, which record those digests, and signs the result.
# `npm run test:deploy` checks this file and runs its steps, so they use the exec form and no path outside their WORKDIR.
ARG BUILD_IMAGE=node:24.21.0-trixie-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

FROM ${BUILD_IMAGE} AS deps
WORKDIR /build
COPY --link package.json package-lock.json .npmrc ./
# From the lock file only, whose hashes identify each package; no package runs its own scripts.
RUN --mount=type=cache,target=/root/.npm ["npm", "ci", "--ignore-scripts", "--prefer-offline"]

FROM deps AS build
COPY --link LICENSE tsconfig.json ./
COPY --link scripts ./scripts
COPY --link migrations ./migrations
COPY --link src ./src
RUN ["npm", "run", "build"]

FROM ${RUNTIME_IMAGE} AS runtime
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="portico" \
      org.opencontainers.image.description="The front server that mobile apps talk to" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
ENV NODE_ENV=production
# Compiled code, for a faster start. Node stores it by version, architecture and user, and ignores it where it does not fit.
ENV NODE_COMPILE_CACHE=/home/nonroot/compile-cache
WORKDIR /app
COPY --link --from=build /build/dist ./
USER 65532:65532
# Fills that cache, and fails the build if policies contradict each other.
RUN ["/nodejs/bin/node", "/app/portico.mjs", "plan"]
EXPOSE 8443 8444 8445
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/nodejs/bin/node", "/app/portico.mjs", "health"]
# Node itself is the first process: it receives the signals, and has no child processes.
ENTRYPOINT ["/nodejs/bin/node", "/app/portico.mjs"]
CMD ["serve"]
