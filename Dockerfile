# Both stages begin with this official image (amd64 and arm64), pinned by digest: a tag that is pushed again
# changes nothing here. How to renew it, which brings Debian's fixes: CONTRIBUTING.md.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:d6aa754f16b3197301076f047b5def2f02ea1dbbc2ca920407d46d7ec7f87b20

# Build: everything that needs the development tools.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev

# Run: the compiled program, its few dependencies, nothing else. The root file system can be
# read-only: the only place that is written to is /data.
FROM ${NODE_IMAGE}
# The defaults of a container; mount a file of your own over it, or name another one.
# MALLOC_*: glibc gives pages back (docs/operations.md, "Memory of V8").
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2 \
    MALLOC_TRIM_THRESHOLD_=131072 \
    MALLOC_MMAP_THRESHOLD_=131072 \
    SNIMETER_CONFIG=/etc/snimeter/config.yaml
LABEL org.opencontainers.image.title="snimeter" \
      org.opencontainers.image.description="Exact egress bytes per SNI and workload, from Envoy's gRPC access log" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY schemas ./schemas
COPY deploy/container/config.yaml /etc/snimeter/config.yaml
RUN mkdir /data && chown 65532:65532 /data
USER 65532:65532
VOLUME /data
EXPOSE 9001 9002
# The exec form: signals reach the program, which drains and commits on SIGTERM. The options of Node:
# docs/operations.md, "Memory of V8".
ENTRYPOINT ["node", "--max-semi-space-size=4", "--initial-old-space-size=96", "dist/main.js"]
CMD ["serve"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["node", "dist/main.js", "healthcheck"]
