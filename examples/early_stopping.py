"""Early stopping and a progress bar: a few lines that the caller adds.

`train` is a generator, so the caller sees every epoch. `track` draws the bar around it; the loop remembers
the best epoch, stops when ten have passed without a better one, and puts the best parameters back.
"""

import numpy as np
from rich.progress import track

import pellucid as pl

digits = pl.load_dataset("digits")
rng = np.random.default_rng(0)
rows, held_out = pl.split(digits.y_train, (0.8, 0.2), rng=rng, stratify=True)
x, y = digits.x_train, digits.y_train

net = pl.Network(
    [pl.Rescale(1 / 16), pl.Dense(50, init=pl.he_normal), pl.ReLU(), pl.Dropout(0.2), pl.Dense(10)]
)
net.build(n_in=64, rng=rng)
records = pl.train(
    net,
    pl.SoftmaxCrossEntropy(),
    pl.SGD(0.1, momentum=0.9),
    x[rows],
    y[rows],
    epochs=100,
    batch_size=32,
    validation=(x[held_out], y[held_out]),
    rng=rng,
)

best = None
for record in track(records, total=100, description="training"):
    if best is None or record.validation_loss < best.validation_loss:
        best, theta = record, net.theta.copy()
    if record.epoch >= best.epoch + 10:
        break
net.theta[:] = theta

accuracy = pl.accuracy(digits.y_test, net.predict(digits.x_test).argmax(axis=1))
print(f"stopped after epoch {record.epoch}, best epoch {best.epoch}, test accuracy {accuracy:.1%}")
