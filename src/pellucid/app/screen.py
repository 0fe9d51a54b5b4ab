"""What a training shows on the terminal: a bar, a line an epoch, the table of scores."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

import pellucid as pl
from pellucid.app.progress import progress_bar
from pellucid.app.scores import Scores
from pellucid.app.training_run import TrainingRun


def show_training(run: TrainingRun, console: Console) -> None:
    """Carry out a training with a line an epoch, and a bar below them where there is a terminal."""
    with progress_bar(console) as bar:
        task = bar.add_task("epochs", total=run.settings.epochs)
        for record in run:
            console.print(epoch_line(record), highlight=False)
            bar.update(task, completed=record.epoch)


def epoch_line(record: pl.Record) -> str:
    """Return what is told of an epoch.

    Examples
    --------
    >>> epoch_line(pl.Record(7, None, 0.25, 0.9))
    'epoch   7  loss 0.2500  accuracy  90.00%'
    """
    line = f"epoch {record.epoch:3d}  loss {record.loss:.4f}  accuracy {record.accuracy:7.2%}"
    if record.validation_accuracy is None:
        return line
    return f"{line}  validation {record.validation_accuracy:7.2%}, loss {record.validation_loss:.4f}"


def show_scores(scores: Scores, console: Console) -> None:
    """Print precision, recall and F1 of each class, and the accuracy."""
    table = Table("class", "precision", "recall", "F1", "rows")
    for k, name in enumerate(scores.classes):
        ratios = (f"{ratio[k]:.3f}" for ratio in (scores.precision, scores.recall, scores.f1))
        table.add_row(Text(name), *ratios, str(scores.confusion[k].sum()))
    console.print(table)
    console.print(
        f"{scores.part} accuracy {scores.correct / scores.n_rows:.2%} "
        f"({scores.correct} of {scores.n_rows}), macro F1 {scores.f1.mean():.4f}",
        highlight=False,
        soft_wrap=True,
    )
