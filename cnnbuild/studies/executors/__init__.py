"""Where runs are worked on: processes of this machine, a Ray cluster, a Slurm cluster. One interface."""
