// The stand-alone client, one ES module that the server serves at
// {path}/webrtc/client.js for people with a page of their own.
import { defineConfig } from "vite";

export default defineConfig({
  build: {
    outDir: "../backend/fastrtc/static",
    // Other static files may live there too.
    emptyOutDir: false,
    target: "es2022",
    lib: {
      entry: "./lib/index.ts",
      formats: ["es"],
      fileName: () => "fastrtc.js",
    },
  },
});
