"""Arguments in, exit code out: one file per verb, heavy imports inside the verbs."""
