"""`python -m liveact_eval` is the command `liveact-eval`; launchers such as torchrun start it so."""

from liveact_eval.cli import main

if __name__ == "__main__":
    main()
