"""A network: a list of layers that owns one vector of parameters and one of gradients.

>>> import numpy as np, pellucid as pl
>>> net = pl.Network([pl.Dense(3), pl.Tanh(), pl.Dense(2)])
>>> net.build(n_in=4, rng=np.random.default_rng(0)).theta.size
23
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from os import PathLike
from typing import Any, Self

import numpy as np

from pellucid.backend import (
    Array,
    aligned_zeros,
    array_module,
    as_array,
    float_dtype,
    on_gpu,
    to_device,
    to_host,
)
from pellucid.files import safetensors
from pellucid.files.reading import brief
from pellucid.files.saved_network import (
    check_described,
    check_tensors,
    checked_dtype,
    checked_notes,
    describe_network,
    make_layers,
    named_parameters,
)
from pellucid.layers import Activation, Dense, Layer


class Network:
    """Layers in a row: y = layer_L(… layer_2(layer_1(x))).

    Parameters
    ----------
    layers : sequence of Layer
        At least one; every place has its own layer object, which belongs to this network alone.

    Attributes
    ----------
    layers : list of Layer
    theta, grad : array, shape (n_parameters,)
        All parameters and their gradients: first every weight matrix, then every bias vector. Each layer's
        ``W, b, dW, db`` are views. Update ``theta`` in place.
    n_weights : int
        How many entries of ``theta`` are weights, the rest being biases.
    n_in, n_out : int
        Widths of input and output.
    dtype : numpy.dtype
    device : str
        ``"cpu"`` or ``"gpu"``: where ``theta`` and all that is computed live.
    tf32 : bool
        Whether matrix products round float32 operands to TF32.
    notes : dict of str to JSON values
        What else whoever uses the network must know, such as the names of classes: saved and loaded with it.

    Raises
    ------
    ValueError
        If there is no layer, or one stands in two places.
    TypeError
        If something in the list is not a layer.

    Examples
    --------
    >>> import pellucid as pl
    >>> Network([pl.Rescale(1 / 255), pl.Dense(10, init=pl.he_normal)])
    Network([Rescale(scale=0.00392156862745098), Dense(10, init=he_normal)])
    """

    theta: Array
    grad: Array
    device: str
    tf32 = False
    _outputs: Array | None

    def __init__(self, layers: Sequence[Layer]) -> None:
        if isinstance(layers, Layer):
            raise TypeError(f"layers must be a list, got one layer: write Network([{layers!r}])")
        self.layers = list(layers)
        self.notes: dict[str, Any] = {}
        if not self.layers:
            raise ValueError("a network needs at least one layer, got an empty list")
        for i, layer in enumerate(self.layers):
            if not isinstance(layer, Layer):
                raise TypeError(f"layers[{i}] must be a layer such as pellucid.Dense(10), got {layer!r}")
            if any(layer is other for other in self.layers[:i]):
                raise ValueError(f"layers[{i}], {layer!r}, stands in the list twice: make a second one")

    def build(
        self,
        n_in: int,
        *,
        rng: np.random.Generator,
        dtype: object = np.float32,
        device: str = "cpu",
        tf32: bool = False,
    ) -> Self:
        """Infer all shapes and draw the starting parameters, layer by layer, W before b.

        Parameters
        ----------
        n_in : int
            Number of input features.
        rng : numpy.random.Generator
            Draws the parameters; each layer that trains with random numbers gets a generator spawned from it.
        dtype : numpy.float32 or numpy.float64
        device : str
            ``"cpu"`` or ``"gpu"``, which needs CuPy (extra ``gpu``). Parameters are drawn on the host, in
            float64, whatever the device: both begin with the same numbers.
        tf32 : bool
            On the GPU, whether matrix products round float32 operands to TF32, whose digits have 10 bits
            instead of 23: faster from compute capability 8.0 on, and good enough for most training.

        Returns
        -------
        Network
            The network itself.

        Raises
        ------
        ValueError
            If n_in, dtype, device or tf32 is not one of those allowed.
        ModuleNotFoundError, RuntimeError
            If the device is "gpu" and CuPy or a GPU is missing.

        Examples
        --------
        >>> import pellucid as pl
        >>> net = Network([pl.Dense(2)]).build(3, rng=np.random.default_rng(0), dtype=np.float64)
        >>> net.theta.dtype, net.n_weights
        (dtype('float64'), 6)
        """
        n_in = _checked_width(n_in)
        if not isinstance(rng, np.random.Generator):
            raise TypeError(f"rng must be a generator such as numpy.random.default_rng(0), got {rng!r}")
        self._place(float_dtype(dtype), device, tf32)
        self._connect(n_in)
        self._bind(aligned_zeros(self._count_parameters(), self.dtype, self._xp))
        for layer in self.layers:
            layer.draw(rng)
        self._spawn_generators(rng)
        return self

    def to(self, device: str, *, tf32: bool = False) -> Self:
        """Move the network to another device, or to another precision of its products there.

        Parameters
        ----------
        device : str
            ``"cpu"`` or ``"gpu"``.
        tf32 : bool
            As in `build`.

        Returns
        -------
        Network
            The network itself, not a copy. Once moved, ``theta`` and ``grad`` are new vectors, the gradient
            zeros; an optimizer goes on with it where it was.

        Examples
        --------
        >>> import pellucid as pl
        >>> net = Network([pl.Dense(2)]).build(3, rng=np.random.default_rng(0))
        >>> net.to("cpu") is net, net.device
        (True, 'cpu')
        """
        self.check_built()
        if (device, tf32) != (self.device, self.tf32):
            theta = to_device(self.theta, device)
            self._place(self.dtype, device, tf32)
            self._connect(self.n_in)
            self._bind(theta)
        return self

    @property
    def built(self) -> bool:
        """Whether `build` or `load` has given the network its parameters."""
        return hasattr(self, "theta")

    @property
    def generators(self) -> list[np.random.Generator]:
        """The generators that training draws from, in the order of their layers."""
        return [layer.rng for layer in self.layers if layer.draws and layer.rng is not None]

    def forward(self, x: Array, *, train: bool = False) -> Array:
        """Run a batch through all layers.

        Parameters
        ----------
        x : array, shape (n, n_in)
            Cast to the network's dtype, never rescaled and never written to. A network on the GPU copies
            rows of the host there.
        train : bool
            True while training: dropout is on.

        Returns
        -------
        array, shape (n, n_out)
            A buffer of the network, valid until the next call; `predict` returns a copy.

        Raises
        ------
        ValueError
            If x has another shape, or is on the GPU while the network is not.
        RuntimeError
            If the network has not been built.

        Examples
        --------
        >>> import pellucid as pl
        >>> net = Network([pl.Dense(2, init=pl.zeros)]).build(3, rng=np.random.default_rng(0))
        >>> net.forward(np.ones((1, 3)))
        array([[0., 0.]], dtype=float32)
        """
        y = self._as_input(x)
        for layer in self.layers:
            y = layer.forward(y, train=train)
        self._outputs = y
        return y

    def backward(self, dy: Array) -> None:
        """Fill ``grad`` from the gradient of the loss; call it once after each `forward`.

        Parameters
        ----------
        dy : array, shape (n, n_out)
            ∂loss/∂outputs, as a loss returns it. It is overwritten.

        Examples
        --------
        >>> import pellucid as pl
        >>> net = Network([pl.Dense(1)]).build(2, rng=np.random.default_rng(0), dtype=np.float64)
        >>> y = net.forward(np.array([[3.0, 4.0]]))
        >>> net.backward(np.ones((1, 1)))
        >>> net.grad
        array([3., 4., 1.])
        """
        self.check_built()
        if self._outputs is None or dy.shape != self._outputs.shape:
            wanted = "one forward before each" if self._outputs is None else f"shape {self._outputs.shape}"
            raise ValueError(f"backward needs {wanted}, got dy of shape {dy.shape}")
        # A loss may return the outputs themselves, which the layers still need as they are.
        gradient: Array | None = dy.copy() if dy is self._outputs else dy
        self._outputs = None
        for layer in self._backward_path:
            assert gradient is not None
            gradient = layer.backward(gradient)

    def predict(self, x: Any, *, block_rows: int = 2048) -> Array:
        """Return the outputs for x, computed block by block, as an array of your own.

        Parameters
        ----------
        x : array_like, shape (n, n_in)
        block_rows : int
            Rows computed at a time: bounds the memory, that of a GPU too.

        Returns
        -------
        array, shape (n, n_out)
            The last layer's outputs: logits where it is a Dense. ``.argmax(axis=1)`` gives class numbers.
            Always an array of NumPy.

        Notes
        -----
        A row that holds NaN gives what the formulas make of it, usually NaN: no error, unlike in training.

        Examples
        --------
        >>> import pellucid as pl
        >>> net = Network([pl.Dense(2, init=pl.zeros), pl.Softmax()]).build(3, rng=np.random.default_rng(0))
        >>> net.predict([[1, 2, 3]])
        array([[0.5, 0.5]], dtype=float32)
        """
        self.check_built()
        x = as_array(x)
        outputs = np.empty((len(x), self.n_out), self.dtype)
        for rows in blocks(len(x), block_rows):
            outputs[rows] = to_host(self.forward(x[rows]))
        return outputs

    def summary(self) -> str:
        """Return a table of layers, output widths and parameter counts.

        Examples
        --------
        >>> import pellucid as pl
        >>> print(Network([pl.Dense(3), pl.ReLU()]).build(4, rng=np.random.default_rng(0)).summary())
        layer             output  parameters
        (input)                4
        Dense(3)               3          15
        ReLU()                 3           0
        15 parameters, float32, 60 bytes
        """
        self.check_built()
        rows = [("layer", "output", "parameters"), ("(input)", f"{self.n_in:,}", "")]
        rows += [(repr(y), f"{y.n_out:,}", f"{_n_parameters(y):,}") for y in self.layers]
        name_width = max(16, *(len(row[0]) for row in rows))
        table = [f"{name:{name_width}}  {width:>6}  {count:>10}".rstrip() for name, width, count in rows]
        size = self.theta.size
        return "\n".join([*table, f"{size:,} parameters, {self.dtype}, {self.theta.nbytes:,} bytes"])

    def save(self, path: str | PathLike[str]) -> None:
        """Write layers and parameters as one safetensors file, which appears whole or not at all.

        Parameters
        ----------
        path : path
            The file; an existing one is replaced.

        Raises
        ------
        TypeError
            If a layer is not one of pellucid's own, or ``notes`` hold what JSON cannot.

        Notes
        -----
        Tensors are named and laid out as `torch.nn.Sequential` does: ``0.weight`` (n_out, n_in), ``0.bias``,
        ``2.weight`` …, a `Rescale` not counted. Layers and ``notes`` stand as JSON in the metadata key
        ``pellucid``. Initializers have done their work and are not saved.

        Examples
        --------
        >>> import pellucid as pl, tempfile
        >>> net = Network([pl.Dense(2)]).build(3, rng=np.random.default_rng(0))
        >>> net.notes["classes"] = ["no", "yes"]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.save(folder + "/net.safetensors")
        ...     again = Network.load(folder + "/net.safetensors")
        >>> bool((again.theta == net.theta).all()), again.notes
        (True, {'classes': ['no', 'yes']})
        """
        self.check_built()
        about = describe_network(self.layers, self.n_in, self.dtype, self.notes)
        tensors = {
            name: to_host(getattr(layer, ours)).T for name, layer, ours in named_parameters(self.layers)
        }
        safetensors.write(path, tensors, about)

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        *,
        rng: np.random.Generator | None = None,
        device: str = "cpu",
        tf32: bool = False,
    ) -> Self:
        """Return the network that `save` wrote.

        Parameters
        ----------
        path : path
        rng : numpy.random.Generator, optional
            Needed only to train on with dropout.
        device, tf32
            As in `build`: files hold neither.

        Raises
        ------
        ValueError
            If the file is damaged or was not written by `save`.

        Examples
        --------
        >>> Network.load("missing.safetensors")
        Traceback (most recent call last):
        ...
        FileNotFoundError: [Errno 2] No such file or directory: 'missing.safetensors'
        """
        with safetensors.opened(path) as contents:
            check_described(contents.about, path)
            net = cls._described(contents.about, path)
            check_tensors(net.layers, contents.places, path)
            net._bind(aligned_zeros(net._count_parameters(), net.dtype))
            for name, layer, ours in named_parameters(net.layers):
                contents.read_into(name, getattr(layer, ours).T)
        if rng is not None:
            net._spawn_generators(rng)
        return net.to(device, tf32=tf32)

    @classmethod
    def _described(cls, about: Any, path: object) -> Self:
        """Return the network that a file's metadata describe, connected, with no memory taken for it yet."""
        try:
            net = cls(make_layers(about["layers"]))
            net._place(checked_dtype(about["dtype"]), "cpu", tf32=False)
            net._connect(_checked_width(about["n_in"]))
            net.notes = checked_notes(about.get("notes", {}))
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            what = "the metadata do not describe a pellucid network"
            raise ValueError(f"{path}: {what}: {brief(error, 200)}") from error
        return net

    def diagram(self, *, inputs: str = "inputs") -> str:
        """Return a block diagram of the network as SVG: its layers, and the shapes on the arrows between.

        Parameters
        ----------
        inputs : str
            What the inputs are, such as ``"pixels"``.

        Notes
        -----
        Before `build`, what it will settle stands as ?. The same network gives the same bytes. After `load`,
        initializers are the defaults, since files do not hold them.

        Examples
        --------
        >>> import pellucid as pl, tempfile
        >>> from pathlib import Path
        >>> net = Network([pl.Dense(3), pl.ReLU()]).build(4, rng=np.random.default_rng(0))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "net.svg").write_text(net.diagram(), encoding="utf-8")
        >>> net.diagram().splitlines()[1]
        '<title>Network of 2 layers, 15 parameters</title>'
        """
        from pellucid.drawing.diagram import draw_network  # here, since it would slow down every start

        return draw_network(self.layers, self.n_in if self.built else None, inputs)

    def _place(self, dtype: np.dtype[np.floating], device: str, tf32: bool) -> None:
        """Choose precision and device, or raise."""
        if tf32 and dtype != np.float32:
            raise ValueError(f"tf32 is a way to multiply float32 numbers, got dtype {dtype}")
        self._xp = array_module(device, tf32=tf32)
        self.dtype, self.device, self.tf32 = dtype, device, tf32

    def _connect(self, n_in: int) -> None:
        """Tell each layer its widths, and what stands before it."""
        self.n_in = n_in
        before: Layer | None = None
        for layer in self.layers:
            layer.connect(before.n_out if before else n_in, dtype=self.dtype, xp=self._xp)
            # Dense does not need its output again, so an activation right behind it may write over it.
            layer.in_place = isinstance(layer, Activation) and isinstance(before, Dense)
            before = layer
        self.n_out = self.layers[-1].n_out
        with_parameters = [i for i, layer in enumerate(self.layers) if layer.parameter_shapes()]
        first = with_parameters[0] if with_parameters else len(self.layers)
        for i, layer in enumerate(self.layers):
            if isinstance(layer, Dense):
                layer.needs_dx = i > first
        self._backward_path = self.layers[first:][::-1]
        self._cast: Array | None = None
        self._outputs = None

    def _count_parameters(self) -> int:
        return sum(_n_parameters(layer) for layer in self.layers)

    def _bind(self, theta: Array) -> None:
        """Make theta and a new grad the home of all parameters: matrices first, then vectors."""
        self.theta, self.grad = theta, aligned_zeros(theta.size, theta.dtype, self._xp)
        shapes = [(y, name, shape) for y in self.layers for name, shape in y.parameter_shapes().items()]
        start = 0
        for n_dims in (2, 1):
            for layer, name, shape in shapes:
                if len(shape) == n_dims:
                    stop = start + int(np.prod(shape))
                    setattr(layer, name, self.theta[start:stop].reshape(shape))
                    setattr(layer, "d" + name, self.grad[start:stop].reshape(shape))
                    start = stop
            if n_dims == 2:
                self.n_weights = start

    def _spawn_generators(self, rng: np.random.Generator) -> None:
        for layer in self.layers:
            if layer.draws:
                layer.rng = rng.spawn(1)[0]

    def _as_input(self, x: Any) -> Array:
        """Check x and cast it, unless the first layer does that."""
        self.check_built()
        x = as_array(x)
        if x.ndim != 2 or x.shape[1] != self.n_in:
            raise ValueError(f"x must have shape (n, {self.n_in}), got {x.shape}")
        if x.dtype != self.dtype and x.dtype.kind not in "buif":
            raise ValueError(f"x must hold real numbers, got dtype {x.dtype}")
        if on_gpu(x) != (self.device == "gpu"):
            x = self._bring(x)
        return x if x.dtype == self.dtype or self.layers[0].casts else self._cast_to_buffer(x)

    def _bring(self, x: Array) -> Array:
        """Copy x from the host to the GPU; the way back is never taken unasked."""
        if self.device == "cpu":
            raise ValueError('x is on the GPU, the network on the CPU: call net.to("gpu"), or use x.get()')
        return to_device(x, self.device)

    def _cast_to_buffer(self, x: Array) -> Array:
        if self._cast is None or len(self._cast) < len(x):
            self._cast = self._xp.empty(x.shape, self.dtype)
        assert self._cast is not None
        cast = self._cast[: len(x)]
        cast[...] = x
        return cast

    def check_built(self) -> None:
        """Raise RuntimeError unless the network has been built or loaded."""
        if not self.built:
            raise RuntimeError("the network has no parameters yet: call net.build(n_in, rng=...) first")

    def __copy__(self) -> Self:
        # Layers are bound to one network's vectors: a shallow copy would take them from this one.
        return deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        kept = ("layers", "notes", "device", "tf32", "dtype", "n_in", "theta")
        return {name: to_host(self.__dict__[name]) for name in kept if name in self.__dict__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        theta = state.pop("theta", None)
        self.__dict__.update(state)
        if theta is not None:
            self._place(self.dtype, self.device, self.tf32)
            self._connect(self.n_in)
            self._bind(to_device(theta, self.device))

    def __repr__(self) -> str:
        return f"Network([{', '.join(map(repr, self.layers))}])"


def blocks(n_rows: int, block_rows: int | None) -> Iterator[slice]:
    """Yield slices that cover n_rows rows, block_rows at a time; None: all at once.

    Raises
    ------
    ValueError
        If block_rows is less than 1.

    Examples
    --------
    >>> [range(5)[rows] for rows in blocks(5, 2)]
    [range(0, 2), range(2, 4), range(4, 5)]
    """
    size = n_rows if block_rows is None else block_rows
    if block_rows is not None and block_rows < 1:
        raise ValueError(f"block_rows must be >= 1, or None for one pass, got {block_rows}")
    return (slice(start, min(start + size, n_rows)) for start in range(0, n_rows, max(size, 1)))


def _n_parameters(layer: Layer) -> int:
    return sum(int(np.prod(shape)) for shape in layer.parameter_shapes().values())


def _checked_width(n_in: Any) -> int:
    if isinstance(n_in, bool) or not isinstance(n_in, int | np.integer) or n_in < 1:
        raise ValueError(f"n_in must be a whole number >= 1, got {n_in!r}")
    return int(n_in)
