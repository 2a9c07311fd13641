# An image of the app: the standalone build on Node alone, run by a user without rights. docs/deploy.md says how to run it.
# Debian and not Alpine: the build runs on the Node of the dev dependencies, which needs glibc.
FROM node:24-slim AS build
WORKDIR /app
ENV NEXT_TELEMETRY_DISABLED=1 BUILD_STANDALONE=1
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build
RUN mkdir data

FROM node:24-slim
WORKDIR /app
# Next listens on HOSTNAME, which Docker would set to the name of the container.
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1 HOSTNAME=0.0.0.0 PORT=3000 FEED_DB=/data/feed.db
COPY --from=build /app/.next/standalone ./
COPY --from=build /app/.next/static ./.next/static
# If you have a folder public, copy it too: COPY --from=build /app/public ./public
COPY --from=build --chown=node:node /app/data /data
USER node
VOLUME /data
EXPOSE 3000
# Any answer is healthy, also a 503: a restart does not bring Redis back, and would cut every reader.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/api/health`).then(() => process.exit(0), () => process.exit(1))"]
# Not by npm or a shell: SIGTERM must reach the process that hands the readers over.
CMD ["node", "server.js"]
