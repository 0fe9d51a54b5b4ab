"""A stand-in for CuPy that computes with NumPy and refuses what CuPy refuses or does implicitly.

It runs the whole library without a GPU. Code that works here uses only functions, methods and arguments that
CuPy has (`FUNCTIONS`, `METHODS`), never mixes arrays of host and device, and copies from the device only
explicitly (`Traffic` counts the copies).
"""

import sys
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace

import numpy as np
from tests import cuda

#: The functions of CuPy that pellucid uses, with their arguments beyond the operands, from CuPy's reference.
UFUNCS = [
    "abs",
    "add",
    "divide",
    "exp",
    "greater",
    "greater_equal",
    "isfinite",
    "log",
    "log1p",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "reciprocal",
    "sign",
    "sqrt",
    "subtract",
    "tanh",
]
FUNCTIONS = {
    **{name: {"out"} for name in UFUNCS},
    "arange": {"start", "stop", "step", "dtype"},
    "ascontiguousarray": {"dtype"},
    "asarray": {"dtype"},
    "asnumpy": set(),
    "copyto": set(),
    "count_nonzero": {"axis"},
    "empty": {"dtype"},
    "empty_like": set(),
    "matmul": {"out"},
    "ones": {"dtype"},
    "take": {"axis", "out"},
    "zeros": {"dtype"},
    "zeros_like": set(),
}
#: The methods of CuPy's arrays that pellucid uses.
METHODS = {
    "argmax": {"axis"},
    "astype": {"copy"},
    "copy": set(),
    "dot": {"out"},
    "fill": set(),
    "max": {"axis", "keepdims", "out"},
    "min": {"axis", "keepdims", "out"},
    "reshape": set(),
    "sum": {"axis", "keepdims", "out"},
    "transpose": set(),
    "view": set(),
}
OPERATORS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "matmul": np.matmul,
}
COMPARISONS = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
#: Methods that would wait for the device and copy from it implicitly.
IMPLICIT = [
    "array",
    "array_function",
    "bool",
    "complex",
    "contains",
    "float",
    "index",
    "int",
    "iter",
    "reduce_ex",
]
DTYPES = "?bhilqBHILQefdFD"
DEFAULT, TF32 = 1, 7


@dataclass
class Traffic:
    """The number of copies between host and device."""

    to_host: int = 0
    to_device: int = 0


class StrictArray:
    """An array on the pretended device."""

    __array_ufunc__ = None
    __hash__ = None
    traffic = Traffic()

    def __init__(self, held, base=None):
        self._held, self.base = np.asarray(held), base

    shape = property(lambda self: self._held.shape)
    dtype = property(lambda self: self._held.dtype)
    ndim = property(lambda self: self._held.ndim)
    size = property(lambda self: self._held.size)
    nbytes = property(lambda self: self._held.nbytes)
    T = property(lambda self: StrictArray(self._held.T, self._root()))

    def get(self):
        self.traffic.to_host += 1
        return self._held.copy()

    def item(self):
        return self.get().item()

    def __len__(self):
        return len(self._held)

    def __repr__(self):
        return f"StrictArray of shape {self.shape}, {self.dtype}"

    def __getitem__(self, key):
        return StrictArray(self._held[index(key)], self._root())

    def __setitem__(self, key, value):
        self._held[index(key)] = inner(value)

    def __neg__(self):
        return StrictArray(-self._held)

    def __abs__(self):
        return StrictArray(abs(self._held))

    def _root(self):
        return self if self.base is None else self.base


def inner(value):
    """Return the NumPy array inside an array of the device, or a number; refuse arrays of the host."""
    if isinstance(value, StrictArray):
        return value._held
    if isinstance(value, bool | int | float | np.generic):
        return value
    raise TypeError(f"the device's functions take its arrays and numbers, got {type(value).__name__}")


def index(key):
    """Return an index for the NumPy array inside; refuse masks and arrays of the host."""
    parts = key if isinstance(key, tuple) else (key,)
    for part in parts:
        if isinstance(part, StrictArray) and part.dtype.kind not in "iu":
            raise TypeError("a mask as an index would wait for the device")
    free = (slice, int, np.integer, type(None), type(Ellipsis))
    found = tuple(part if isinstance(part, free) else inner(part) for part in parts)
    return found if isinstance(key, tuple) else found[0]


def check_keywords(name, keywords, allowed):
    if surplus := set(keywords) - allowed:
        raise TypeError(f"CuPy's {name} takes no {', '.join(sorted(surplus))}")
    if keywords.get("out") is not None and not isinstance(keywords["out"], StrictArray):
        raise TypeError(f"CuPy's {name} writes to arrays of the device, got {type(keywords['out']).__name__}")


def call(name, function, arguments, keywords, allowed):
    """Call a function of NumPy as CuPy's would be called. A single number becomes an array, as with CuPy."""
    check_keywords(name, keywords, allowed)
    out = keywords.get("out")
    found = function(*arguments, **{key: inner(v) if key == "out" else v for key, v in keywords.items()})
    return StrictArray(found) if out is None else out


def method(name, allowed):
    def run(self, *arguments, **keywords):
        given = [inner(a) if isinstance(a, StrictArray) else a for a in arguments]
        found = call(name, getattr(self._held, name), given, keywords, allowed)
        if name in ("reshape", "transpose", "view") and np.shares_memory(found._held, self._held):
            found.base = self._root()
        return found

    return run


def operator(ufunc):
    return lambda self, other: StrictArray(ufunc(self._held, inner(other)))


def reflected(ufunc):
    return lambda self, other: StrictArray(ufunc(inner(other), self._held))


def in_place(ufunc):
    def run(self, other):
        ufunc(self._held, inner(other), out=self._held)
        return self

    return run


def refusal(name):
    def refuse(self, *arguments, **keywords):
        raise TypeError(f"{name} would copy from the device without being asked: use to_host")

    return refuse


for _name, _allowed in METHODS.items():
    setattr(StrictArray, _name, method(_name, _allowed))
for _name, _ufunc in OPERATORS.items():
    setattr(StrictArray, f"__{_name}__", operator(_ufunc))
    setattr(StrictArray, f"__r{_name}__", reflected(_ufunc))
    setattr(StrictArray, f"__i{_name}__", in_place(_ufunc))
for _name, _ufunc in COMPARISONS.items():
    setattr(StrictArray, f"__{_name}__", operator(_ufunc))
for _name in IMPLICIT:
    setattr(StrictArray, f"__{_name}__", refusal(f"__{_name}__"))


def as_tf32(values):
    """Return float32 values rounded to the 10 bits that TF32 keeps."""
    bits = values.view(np.uint32) + np.uint32(0x1000)
    return (bits & np.uint32(0xFFFFE000)).view(np.float32)


def make_cupy():
    """Return the pretended CuPy."""
    cupy = ModuleType("cupy")
    cupy.compute_type = DEFAULT

    def elementwise(name):
        def run(*operands, **keywords):
            return call(name, getattr(np, name), [inner(o) for o in operands], keywords, FUNCTIONS[name])

        return run

    def matmul(a, b, out=None):
        operands = inner(a), inner(b)
        if cupy.compute_type == TF32 and all(o.dtype == np.float32 for o in operands):
            operands = tuple(as_tf32(np.ascontiguousarray(o)) for o in operands)
        if out is not None:  # else CuPy computes elsewhere, and copies
            assert out._held.flags.c_contiguous
            assert out.dtype == np.result_type(*operands)
        keywords = {} if out is None else {"out": out}
        return call("matmul", np.matmul, operands, keywords, FUNCTIONS["matmul"])

    def asarray(values, dtype=None):
        if isinstance(values, StrictArray):
            return values if dtype in (None, values.dtype) else values.astype(dtype)
        held = np.array(values, dtype)
        if held.dtype.char not in DTYPES:
            raise ValueError(f"Unsupported dtype {held.dtype}")
        StrictArray.traffic.to_device += 1
        return StrictArray(held.astype(held.dtype.newbyteorder("=")))

    def ascontiguousarray(values, dtype=None):
        held = np.ascontiguousarray(inner(values), dtype)
        return values if held is inner(values) else StrictArray(held)

    def asnumpy(values):
        return values.get() if isinstance(values, StrictArray) else np.asarray(values)

    def copyto(target, source):
        inner(target)[...] = inner(source)

    def take(values, chosen, **keywords):
        return call("take", np.take, [inner(values), inner(chosen)], keywords, FUNCTIONS["take"])

    def made(name):
        def run(*arguments, **keywords):
            return call(name, getattr(np, name), arguments, keywords, FUNCTIONS[name])

        return run

    def made_like(name):
        return lambda like: StrictArray(getattr(np, name)(inner(like)))

    def set_compute_type(dtype, compute_type):
        assert dtype is np.float32
        cupy.compute_type = compute_type

    functions = {name: elementwise(name) for name in [*UFUNCS, "count_nonzero"]}
    functions |= {name: made(name) for name in ("arange", "empty", "ones", "zeros")}
    functions |= {name: made_like(name) for name in ("empty_like", "zeros_like")}
    functions |= {f.__name__: f for f in (asarray, ascontiguousarray, asnumpy, copyto, matmul, take)}
    assert functions.keys() == FUNCTIONS.keys()
    vars(cupy).update(functions, ndarray=StrictArray, RawModule=cuda.RawModule)
    runtime = SimpleNamespace(getDeviceCount=lambda: 1, memGetInfo=lambda: (2**30, 2**31))
    cupy.cuda = SimpleNamespace(runtime=runtime)
    cupy._core = SimpleNamespace(
        get_compute_type=lambda dtype: cupy.compute_type,
        set_compute_type=set_compute_type,
        _routines_linalg=SimpleNamespace(COMPUTE_TYPE_TF32=TF32),
    )
    return cupy


def install(monkeypatch):
    """Let `device="gpu"` mean this stand-in for one test; return it, with its traffic at 0."""
    cupy = make_cupy()
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(StrictArray, "traffic", Traffic())
    cupy.traffic = StrictArray.traffic
    return cupy
