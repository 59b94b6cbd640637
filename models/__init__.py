"""A model at serving time: the ONNX session, the store, references and aliases."""
