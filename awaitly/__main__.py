"""`python -m awaitly`."""

from awaitly.cli import main

if __name__ == "__main__":
    main()
