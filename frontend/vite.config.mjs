// The Gradio component: what `gradio cc build` makes, as a plain Vite build.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { sveltePreprocess } from "svelte-preprocess";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [
    svelte({
      configFile: false,
      preprocess: [sveltePreprocess()],
      compilerOptions: { discloseVersion: false },
    }),
  ],
  resolve: {
    // @gradio packages ship Svelte sources under the condition "gradio".
    conditions: ["gradio", "svelte", "browser", "module", "import", "default"],
    dedupe: ["svelte"],
  },
  build: {
    outDir: "../backend/fastrtc/ui/templates/component",
    emptyOutDir: true,
    target: "es2022",
    cssCodeSplit: false,
    lib: {
      entry: {
        index: "./Index.svelte",
        svelte_runtime_entry: "./svelte_runtime_entry.js",
      },
      formats: ["es"],
    },
    rollupOptions: {
      output: {
        entryFileNames: "[name].js",
        // Gradio serves one flat folder.
        chunkFileNames: "chunk-[name].js",
        assetFileNames: "style[extname]",
      },
    },
  },
});
