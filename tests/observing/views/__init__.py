"""The ready-made views against what a real worker and a real server tell."""
