"""Run the command line from a clone without installing: python cli.py run ..."""

from liveact_eval.cli import main

if __name__ == "__main__":
    main()
