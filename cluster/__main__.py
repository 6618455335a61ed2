"""``python -m cluster`` is the command ``dcgw-cluster``."""

from cluster.cli import main

if __name__ == "__main__":
    main()
