"""Trackers: TensorBoard and MLflow are given, after the fact, what the records of finished runs hold."""
