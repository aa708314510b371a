// Gradio mounts the component with the Svelte runtime it was built with.
export { mount, unmount } from "svelte";
