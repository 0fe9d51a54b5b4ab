"""Runs CUDA kernels without a GPU: compiles their source for the processor and runs the threads one by one.

This works for kernels whose threads share nothing. Arguments are checked more strictly than by CUDA: an array
must be contiguous, and arrays and numbers must have exactly the type that the kernel declares.
"""

import ctypes
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

COMPILER = shutil.which("c++")
#: CUDA's names. Functions are declared by hand, because the standard headers take longest to compile.
HEAD = """
#define __global__
#define __device__
static struct { unsigned x; } blockIdx, blockDim, threadIdx;
static inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
#define FUNCTION(name) \\
    extern "C" double name(double); \\
    extern "C" float name##f(float); \\
    static inline float name(float x) { return name##f(x); }
FUNCTION(exp) FUNCTION(fabs) FUNCTION(log) FUNCTION(log1p) FUNCTION(sqrt) FUNCTION(tanh)
"""
#: Runs a kernel on all threads, in ascending or descending order.
ON_ALL_THREADS = """
extern "C" void all_{name}(unsigned grid, unsigned block, bool backwards, {parameters}) {{
    blockDim.x = block;
    for (unsigned i = 0; i < grid * block; i++) {{
        unsigned thread = backwards ? grid * block - 1 - i : i;
        blockIdx.x = thread / block;
        threadIdx.x = thread % block;
        {name}({arguments});
    }}
}}
"""
NUMPY_TYPES = {
    "bool": "b1",
    "signed char": "i1",
    "unsigned char": "u1",
    "short": "i2",
    "unsigned short": "u2",
    "int": "i4",
    "unsigned": "u4",
    "long long": "i8",
    "unsigned long long": "u8",
    "float": "f4",
    "double": "f8",
}


class RawModule:
    """Stands in for `cupy.RawModule`, for kernels that are declared as `KERNEL name(parameters) {`."""

    backwards = False
    launches = 0

    def __init__(self, *, code):
        self.code = code
        names = re.findall(r"typedef ([\w ]+) (\w);", code)
        self.types = {**NUMPY_TYPES, **{name: NUMPY_TYPES[ctype] for ctype, name in names}}
        self.kernels = dict(re.findall(r"^KERNEL (\w+)\(([^)]*)\)", code, re.MULTILINE))

    def get_function(self, name):
        parameters = [" ".join(each.split()) for each in self.kernels[name].split(",")]

        def launch(grid, block, arguments):
            RawModule.launches += 1
            passed = [self.passed(*declared) for declared in zip(parameters, arguments, strict=True)]
            whole = ctypes.c_uint(grid[0]), ctypes.c_uint(block[0]), ctypes.c_bool(self.backwards)
            getattr(compiled(self.code), f"all_{name}")(*whole, *passed)

        return launch

    def passed(self, parameter, argument):
        """Return an argument as a C value, or raise if it is not what the kernel declares."""
        ctype, star, _ = re.fullmatch(r"(?:const )?([\w ]+?) (\*?)(\w+)", parameter).groups()
        dtype = np.dtype(self.types[ctype])
        assert argument.dtype == dtype, f"{parameter}: got {argument.dtype}"
        if star:
            held = argument._held
            assert held.flags.c_contiguous, parameter
            return ctypes.c_void_p(held.ctypes.data)
        assert isinstance(argument, np.generic), parameter
        return np.ctypeslib.as_ctypes_type(dtype)(argument.item())


@cache
def compiled(code):
    """Return a library with a function for each kernel that runs it on all threads."""
    loops = ""
    for name, parameters in re.findall(r"^KERNEL (\w+)\(([^)]*)\)", code, re.MULTILINE):
        names = [each.split()[-1].lstrip("*") for each in parameters.split(",")]
        loops += ON_ALL_THREADS.format(name=name, parameters=parameters, arguments=", ".join(names))
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "kernels.cpp"), Path(folder, "kernels.so")
        source.write_text(HEAD + code + loops)
        options = ["-O0", "-std=c++17", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
        options += ["-Wno-sign-compare", "-Wno-unused-function"]
        subprocess.run([COMPILER, *options, source, "-o", library], check=True)
        return ctypes.CDLL(library)
