"""Examples in modules whose library is not installed are not run."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["src/pellucid/interop/torch"]
