"""The entry of the command ``dcgw-cluster``, and ``python -m cluster``."""

from cluster.interrupts import end_at_once_on_ctrl_c


def main() -> None:
    """Run the command line. It ends the process."""
    end_at_once_on_ctrl_c()  # before the imports, which take longer than a quick hand
    from cluster.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
