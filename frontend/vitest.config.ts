import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { sveltePreprocess } from "svelte-preprocess";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [
    svelte({ configFile: false, preprocess: [sveltePreprocess()] }),
    svelteTesting(),
  ],
  resolve: { conditions: ["gradio", "browser"] },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.ts"],
    server: { deps: { inline: [/@gradio/] } },
    restoreMocks: true,
  },
});
