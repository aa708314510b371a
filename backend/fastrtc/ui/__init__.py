"""The Gradio component and the default page; the only place that imports Gradio."""
