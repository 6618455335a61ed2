"""``python -m cluster`` is the command ``dcgw-cluster``, by the same entry."""

from dcgw.__main__ import main

if __name__ == "__main__":
    main()
