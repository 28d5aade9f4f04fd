"""From records to pages. Never trains, never recomputes."""
