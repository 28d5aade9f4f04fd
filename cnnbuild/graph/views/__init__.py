"""A graph as people and programs read it: summaries, differences, written-out networks, reference pages."""
