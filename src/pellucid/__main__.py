"""Entry point of `pellucid` and `python -m pellucid`: expected errors end in one line."""

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
        # The library names its arguments; the command line calls them flags.
        message = f"{error}".replace("folder=...", "--folder").replace("resume=True", "--resume")
        sys.exit(f"pellucid: {message}")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        # The process ends here: a last garbage collection would only take time (0.05 s).
        gc.freeze()


if __name__ == "__main__":
    main()
