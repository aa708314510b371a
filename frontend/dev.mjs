// `npm run dev`: rebuild the component and the client whenever a source changes.
import { spawn } from "node:child_process";

const watchers = ["vite.config.mjs", "vite.client.config.mjs"].map((config) =>
  spawn("npx", ["vite", "build", "--watch", "--config", config], {
    stdio: "inherit",
  }),
);

function stop() {
  for (const watcher of watchers) watcher.kill();
}

process.on("SIGINT", stop);
process.on("SIGTERM", stop);
for (const watcher of watchers) {
  watcher.on("exit", (code) => {
    stop();
    process.exitCode ||= code ?? 0;
  });
}
