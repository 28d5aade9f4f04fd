"""One run: `fit`, its metrics, its record and its checkpoint. Reads no YAML, prints nothing."""
