"""`python -m mtcli`."""

from mtcli.cli import main

main()
