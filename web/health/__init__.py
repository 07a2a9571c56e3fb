"""How this process, the platforms and the pipeline are doing."""
