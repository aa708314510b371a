// Fails when the component's build is incomplete or has grown: one careless import
// from Gradio's packages makes it 75 files and 6.5 MB, and every visitor pays.
import { existsSync, readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const MAX_FILES = 12;
const MAX_BYTES = 310 * 1024;
const REQUIRED = ["index.js", "style.css", "svelte_runtime_entry.js"];

function at(path) {
  return fileURLToPath(new URL(path, import.meta.url));
}

function problemsOf(folder) {
  if (!existsSync(folder)) return ["the component was not built"];
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`);
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  const missing = REQUIRED.filter((name) => !existsSync(`${folder}/${name}`));
  const problems = missing.map((name) => `${name} is missing`);
  if (files.length > MAX_FILES)
    problems.push(`${files.length} files, at most ${MAX_FILES} are allowed`);
  if (bytes > MAX_BYTES)
    problems.push(`${bytes} bytes, at most ${MAX_BYTES} are allowed`);
  if (problems.length === 0)
    console.log(
      `component: ${files.length} files, ${(bytes / 1024).toFixed(0)} KB`,
    );
  return problems;
}

const problems = problemsOf(at("../backend/fastrtc/ui/templates/component"));
const client = at("../backend/fastrtc/static/fastrtc.js");
if (!existsSync(client)) problems.push("the client, fastrtc.js, is missing");
else console.log(`client: ${(statSync(client).size / 1024).toFixed(0)} KB`);

for (const problem of problems) console.error(`check-bundle: ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;
