"""Early stopping in three lines of your own code, and a progress bar in one.

`train` is a generator that yields a record after each epoch. `track` draws the progress bar. The loop stops
after ten epochs without a lower validation loss.
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

best = (np.inf, 0)
for record in track(records, total=100, description="training"):  # one line: the bar
    best = min(best, (record.validation_loss, record.epoch))  # three lines: early stopping
    if record.epoch >= best[1] + 10:
        break

accuracy = pl.accuracy(digits.y_test, net.predict(digits.x_test).argmax(axis=1))
print(f"stopped after epoch {record.epoch}, best epoch {best[1]}, test accuracy {accuracy:.1%}")
