"""What looks at the runs of a study beside comparing them: a sentence per architecture and topic at most."""
