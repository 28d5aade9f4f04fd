"""JSON Schemas of the documents, for editors, from the live registry."""
