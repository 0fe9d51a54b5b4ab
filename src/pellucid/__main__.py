"""Entry point of `pellucid` and `python -m pellucid`: expected errors end in one line."""

import gc
import sys

#: Words of the library in its error messages, and what the command line says instead.
WORDS = {
    "folder=...": "--folder",
    "resume=True": "--resume",
    "; theta has been restored to the start of this epoch, the optimizer has not: make a new one.": ".",
}


def main() -> None:
    """Run the command line."""
    try:
        from pellucid.cli import app
    except ImportError as error:
        sys.exit(f"pellucid: the command line needs the extra lab: pip install 'pellucid[lab]' ({error})")
    try:
        app()
    except (ValueError, OSError, FloatingPointError, MemoryError) as error:
        message = f"{error}"
        for theirs, ours in WORDS.items():
            message = message.replace(theirs, ours)
        sys.exit(f"pellucid: {message}")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        # The process ends here: a last garbage collection would only take time (0.05 s).
        gc.freeze()


if __name__ == "__main__":
    main()
