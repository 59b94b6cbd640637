"""scikit-learn to ONNX, and the certificate that the two agree."""
