"""Many runs: the plan, the store, the statistics."""
