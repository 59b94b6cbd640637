"""Card fraud: a simulator, features, a model and events as a stream carries them."""
