"""The documents, and the page to try a model on."""
