"""`python -m cnnbuild` is `cnnbuild`: what `torchrun -m` starts."""

from cnnbuild.cli.main import main

if __name__ == "__main__":
    main()
