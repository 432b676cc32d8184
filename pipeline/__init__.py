"""A reproducible image-classification pipeline: DVC stages, Keras models, MLflow tracking."""
