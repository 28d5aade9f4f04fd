"""Training side by side: cnnbuild, a textbook torch loop, Lightning, Fabric, Keras 3, skorch and fastai.

`python -m benchmarks.training` measures training and evaluation, `python -m benchmarks.training.process`
whole processes. Every measurement is a child process of its own (`worker.py`) that prints one line of JSON.
"""
