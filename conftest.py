"""What all tests and examples share: Ctrl-C is heard; modules whose library is not installed are left out."""

import signal
from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["src/pellucid/interop/torch"]

# Programs that a shell runs in its background ignore Ctrl-C, and so would those that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
