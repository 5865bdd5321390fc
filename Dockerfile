# The packages that the service runs with, installed where what installs them stays behind.
FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY scripts/link-node.js ./scripts/
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production ENVIRONMENT=production HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
# Orchestrators that run an image under a user id of their own choice keep it in group 0.
RUN install --directory --owner=1000 --group=0 --mode=0770 /data
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json ./
COPY src ./src
COPY vendor ./vendor
# What /version reports: docker build --build-arg COMMIT="$(git rev-parse HEAD)" .
ARG COMMIT=""
LABEL org.opencontainers.image.revision=$COMMIT
RUN printf %s "$COMMIT" > commit
# By number: an orchestrator that demands a user other than root cannot look a name up.
USER 1000:1000
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# By itself and not through npm, so that it is told to stop. Tools: node src/tools/rebuild.ts listing
CMD ["node", "--max-semi-space-size=8", "--disable-warning=TimeoutNegativeWarning", "src/main.ts"]
