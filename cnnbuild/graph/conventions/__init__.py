"""How other tools count the operations of a network; none of them is needed for it."""
