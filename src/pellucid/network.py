"""The network: a list of layers that owns one vector of parameters and one of gradients.

>>> import numpy as np, pellucid as pl
>>> net = pl.Network([pl.Dense(3), pl.Tanh(), pl.Dense(2)])
>>> net.build(n_in=4, rng=np.random.default_rng(0)).theta.size
23
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from math import prod
from os import PathLike
from typing import Any, Self

import numpy as np

from pellucid.backend import (
    Array,
    Scratch,
    aligned_zeros,
    array_module,
    as_array,
    float_dtype,
    on_gpu,
    to_device,
    to_host,
)
from pellucid.files import safetensors
from pellucid.files.saved_network import (
    check_tensors,
    checked_dtype,
    checked_notes,
    make_layers,
    metadata,
    read_parameters,
    write_network,
)
from pellucid.layers import Activation, Dense, Layer
from pellucid.layers.base import bind_parameters


class Network:
    """Layers in sequence: y = layer_L(… layer_2(layer_1(x))).

    Parameters
    ----------
    layers : sequence of Layer
        At least one. Each layer object occurs once and belongs to this network only.

    Attributes
    ----------
    layers : list of Layer
    theta, grad : array, shape (n_parameters,)
        All parameters and their gradients: first all weight matrices, then all bias vectors. Each layer's
        ``W, b, dW, db`` are views of them. Update ``theta`` in place.
    n_weights : int
        Number of weights: ``theta[:n_weights]`` are weights, the rest are biases.
    n_in, n_out : int
        Numbers of input and output columns.
    dtype : numpy.dtype
    device : str
        ``"cpu"`` or ``"gpu"``.
    tf32 : bool
        Whether matrix products round float32 operands to TF32.
    notes : dict of str to JSON values
        Your own data, such as class names; saved and loaded with the network.

    Raises
    ------
    ValueError
        If the list is empty or contains a layer twice.
    TypeError
        If the list contains something other than layers.

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
                raise ValueError(f"layers[{i}], {layer!r}, occurs twice in the list: make a second one")

    def build(
        self,
        n_in: int,
        *,
        rng: np.random.Generator,
        dtype: object = np.float32,
        device: str = "cpu",
        tf32: bool = False,
    ) -> Self:
        """Infer all shapes and draw the initial parameters, layer by layer, W before b.

        Parameters
        ----------
        n_in : int
            Number of input columns.
        rng : numpy.random.Generator
            Draws the parameters. Each `Dropout` gets its own generator, spawned from this one.
        dtype : numpy.float32 or numpy.float64
        device : {"cpu", "gpu"}
            "gpu" needs CuPy (extra ``gpu``). Parameters are always drawn on the CPU in float64, so that both
            devices start with the same numbers.
        tf32 : bool
            On the GPU, whether matrix products round float32 operands to TF32, which has a 10-bit mantissa
            instead of 23 bits. Faster on compute capability 8.0 and above, and accurate enough for most
            training.

        Returns
        -------
        Network
            The network itself.

        Raises
        ------
        ValueError
            If n_in, dtype, device or tf32 is not allowed.
        ModuleNotFoundError, RuntimeError
            If the device is "gpu" and CuPy or the GPU is missing.

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
        self._bind(aligned_zeros(self._n_parameters(), self.dtype, self._xp))
        for layer in self.layers:
            layer.draw(rng)
        self._spawn_generators(rng)
        return self

    def to(self, device: str, *, tf32: bool = False) -> Self:
        """Move the network to another device, or turn TF32 on or off.

        Parameters
        ----------
        device, tf32
            As in `build`.

        Returns
        -------
        Network
            The network itself, not a copy. ``theta`` and ``grad`` become new vectors, the gradient all zeros.
            The optimizer stays valid.

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
        """Whether the network has parameters, from `build` or `load`."""
        return hasattr(self, "theta")

    @property
    def generators(self) -> list[np.random.Generator]:
        """The random generators of the layers that use one in training, in the order of the layers."""
        return [layer.rng for layer in self.layers if layer.draws and layer.rng is not None]

    def forward(self, x: Array, *, train: bool = False) -> Array:
        """Run a batch through all layers.

        Parameters
        ----------
        x : array, shape (n, n_in)
            Cast to the network's dtype, never rescaled, never written to. A network on the GPU also takes
            NumPy arrays.
        train : bool
            Whether dropout is on.

        Returns
        -------
        array, shape (n, n_out)
            A buffer of the network, valid until the next call. `predict` returns a copy.

        Raises
        ------
        ValueError
            If x has the wrong shape or dtype, or is on the GPU and the network is not.
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
        """Compute ``grad`` from the gradient of the loss. Call it once after each `forward`.

        Parameters
        ----------
        dy : array, shape (n, n_out)
            ∂loss/∂outputs, as returned by a loss. It is overwritten.

        Raises
        ------
        ValueError
            If dy has another shape than the outputs, or `forward` was not called before.

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
        # A loss may return the outputs themselves as dy, but the layers still need the outputs.
        gradient: Array | None = dy.copy() if dy is self._outputs else dy
        self._outputs = None
        for layer in self._backward_path:
            assert gradient is not None
            gradient = layer.backward(gradient)

    def predict(self, x: Any, *, block_rows: int = 2048) -> Array:
        """Return the outputs for x as a new array.

        Parameters
        ----------
        x : array_like, shape (n, n_in)
        block_rows : int
            Rows per forward pass. Bounds the memory, also on the GPU.

        Returns
        -------
        numpy.ndarray, shape (n, n_out)
            The outputs of the last layer, which are logits if it is Dense. ``.argmax(axis=1)`` gives class
            numbers.

        Notes
        -----
        Unlike in training, NaN in a row is not an error; the outputs of that row are usually NaN.

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
        from pellucid.drawing.diagram import list_layers  # not needed at every start

        self.check_built()
        return list_layers(self.layers, self.n_in)

    def save(self, path: str | PathLike[str]) -> None:
        """Save layers, parameters and notes as one safetensors file.

        Parameters
        ----------
        path : path
            An existing file is replaced. An interrupted save leaves it unchanged.

        Raises
        ------
        TypeError
            If a layer is not one of pellucid's own, or ``notes`` contains something that JSON cannot hold.

        Notes
        -----
        Tensors have the names and shapes of `torch.nn.Sequential`: ``0.weight`` (n_out, n_in), ``0.bias``,
        ``2.weight`` …; an initial `Rescale` is not counted. The metadata key ``pellucid`` holds layers and
        notes as JSON. Initializers are not saved.

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
        write_network(path, self.layers, self.n_in, self.dtype, self.notes)

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        *,
        rng: np.random.Generator | None = None,
        device: str = "cpu",
        tf32: bool = False,
    ) -> Self:
        """Load a network from a file written by `save`.

        Parameters
        ----------
        path : path
        rng : numpy.random.Generator, optional
            Needed only for further training with dropout.
        device, tf32
            As in `build`. They are not saved.

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
            with metadata(contents.about, path) as about:
                net = cls(make_layers(about["layers"]))
                net._place(checked_dtype(about["dtype"]), "cpu", tf32=False)
                net._connect(_checked_width(about["n_in"]))
                net.notes = checked_notes(about.get("notes", {}))
            # Checked before memory is allocated: a damaged file may claim any size.
            check_tensors(net.layers, contents.places, path)
            net._bind(aligned_zeros(net._n_parameters(), net.dtype))
            read_parameters(net.layers, contents)
        if rng is not None:
            net._spawn_generators(rng)
        return net.to(device, tf32=tf32)

    def diagram(self, *, inputs: str = "inputs") -> str:
        """Return a block diagram of the network as SVG, with the shapes of the arrays between layers.

        Parameters
        ----------
        inputs : str
            Label of the inputs, such as ``"pixels"``.

        Notes
        -----
        Equal networks give identical files. Sizes that are unknown before `build` appear as "?". A loaded
        network shows the default initializers, because files do not store them.

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
        from pellucid.drawing.diagram import draw_network  # not needed at every start

        return draw_network(self.layers, self.n_in if self.built else None, inputs)

    def _place(self, dtype: np.dtype[np.floating], device: str, tf32: bool) -> None:
        """Set dtype and device, or raise."""
        if tf32 and dtype != np.float32:
            raise ValueError(f"tf32 needs dtype float32, got {dtype}")
        self._xp = array_module(device, tf32=tf32)
        self.dtype, self.device, self.tf32 = dtype, device, tf32

    def _connect(self, n_in: int) -> None:
        """Set the widths of all layers, and decide which of them work in place."""
        self.n_in = self.n_out = n_in
        previous: Layer | None = None
        for layer in self.layers:
            layer.connect(self.n_out, dtype=self.dtype, xp=self._xp)
            # Dense does not need its output again, so an activation directly after it may overwrite it.
            layer.in_place = isinstance(layer, Activation) and isinstance(previous, Dense)
            previous, self.n_out = layer, layer.n_out
        self._plan_backward()
        self._scratch = Scratch()
        self._outputs = None

    def _plan_backward(self) -> None:
        """End the backward pass at the first layer with parameters: no gradient is needed before it."""
        with_parameters = [i for i, layer in enumerate(self.layers) if layer.parameter_shapes()]
        first = with_parameters[0] if with_parameters else len(self.layers)
        for i, layer in enumerate(self.layers):
            if isinstance(layer, Dense):
                layer.needs_dx = i > first
        self._backward_path = self.layers[first:][::-1]

    def _bind(self, theta: Array) -> None:
        """Make the layers' parameters views of theta and of a new grad: matrices first, then vectors."""
        self.theta, self.grad = theta, aligned_zeros(theta.size, theta.dtype, self._xp)
        shapes = [(y, name, shape) for y in self.layers for name, shape in y.parameter_shapes().items()]
        matrices, vectors = ([each for each in shapes if len(each[2]) == n_dims] for n_dims in (2, 1))
        self.n_weights = bind_parameters(matrices, self.theta, self.grad)
        bind_parameters(vectors, self.theta[self.n_weights :], self.grad[self.n_weights :])

    def _n_parameters(self) -> int:
        return sum(prod(shape) for layer in self.layers for shape in layer.parameter_shapes().values())

    def _spawn_generators(self, rng: np.random.Generator) -> None:
        for layer in self.layers:
            if layer.draws:
                layer.rng = rng.spawn(1)[0]

    def _as_input(self, x: Any) -> Array:
        """Check x, move it to the GPU if necessary, and cast it unless the first layer does that."""
        self.check_built()
        x = as_array(x)
        if x.ndim != 2 or x.shape[1] != self.n_in:
            raise ValueError(f"x must have shape (n, {self.n_in}), got {x.shape}")
        if x.dtype != self.dtype and x.dtype.kind not in "buif":
            raise ValueError(f"x must hold real numbers, got dtype {x.dtype}")
        if on_gpu(x) and self.device == "cpu":
            raise ValueError('x is on the GPU, the network on the CPU: call net.to("gpu"), or use x.get()')
        if self.device == "gpu" and not on_gpu(x):
            x = to_device(x, "gpu")
        return x if x.dtype == self.dtype or self.layers[0].casts else self._cast(x)

    def _cast(self, x: Array) -> Array:
        cast = self._scratch.array("x", x.shape, self.dtype, self._xp)
        cast[...] = x
        return cast

    def check_built(self) -> None:
        """Raise `RuntimeError` unless the network has been built or loaded."""
        if not self.built:
            raise RuntimeError("the network has no parameters yet: call net.build(n_in, rng=...) first")

    def __copy__(self) -> Self:
        # A shallow copy would share this network's layers, which are bound to its theta.
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
    """Return slices that split n_rows rows into blocks of block_rows rows; None means one block.

    Examples
    --------
    >>> [range(5)[rows] for rows in blocks(5, 2)]
    [range(0, 2), range(2, 4), range(4, 5)]
    """
    size = n_rows if block_rows is None else block_rows
    if block_rows is not None and block_rows < 1:
        raise ValueError(f"block_rows must be >= 1, or None for one pass, got {block_rows}")
    return (slice(start, min(start + size, n_rows)) for start in range(0, n_rows, max(size, 1)))


def _checked_width(n_in: Any) -> int:
    if isinstance(n_in, bool) or not isinstance(n_in, int | np.integer) or n_in < 1:
        raise ValueError(f"n_in must be a whole number >= 1, got {n_in!r}")
    return int(n_in)
