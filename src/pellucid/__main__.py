"""Entry point of `pellucid` and `python -m pellucid`: errors that a user can mend end in one line."""

import gc
import sys


def main() -> None:
    """Run the command line."""
    try:
        from pellucid.cli import app
    except ImportError as error:
        sys.exit(f"pellucid: the command line needs the extra lab: pip install 'pellucid[lab]' ({error})")
    try:
        app()
    except (ValueError, OSError, FloatingPointError, MemoryError) as error:
        # The library names its argument, here it is a flag.
        told = f"{error}".replace("folder=...", "--folder").replace("resume=True", "--resume")
        sys.exit(f"pellucid: {told}")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        # All goes with the process: to look through it for cycles first takes a twentieth of a second.
        gc.freeze()


if __name__ == "__main__":
    main()
