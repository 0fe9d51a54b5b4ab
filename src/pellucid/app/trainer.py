"""`pellucid train` from settings to files: load, divide, train, score, save."""

from shlex import quote

import numpy as np
from rich.console import Console

import pellucid as pl
from pellucid.app.labelled_rows import LabelledRows, Parts, divide, load_rows
from pellucid.app.outputs import check_checkpoint, check_place, write_run
from pellucid.app.scores import Scores, show_scores
from pellucid.app.screen import progress_bar, say
from pellucid.app.settings import TrainSettings
from pellucid.app.training_run import TrainingRun
from pellucid.compiled.threads.blas import fitting_threads
from pellucid.wording import counted


def train(settings: TrainSettings, console: Console) -> bool:
    """Train with these settings, print the progress, and write the files they name.

    Return False if Ctrl-C interrupted the training; the weights kept so far are still written. If the
    training diverges, the files are written before the `FloatingPointError` is raised.
    """
    check_place("--save", settings.save)
    check_place("--run", settings.run)
    check_checkpoint(settings.checkpoint, resume=settings.resume)
    rng = np.random.default_rng(settings.seed)
    source = load_rows(settings)
    parts = divide(source, settings, rng)
    run = TrainingRun(settings, source, parts, rng)
    lines = [_rows_line(source, parts), run.net.summary(), *_components_line(run)]
    if settings.resume:
        lines.append(_resume_line(run))
    say(console, *lines)
    scores, failure = None, None
    try:
        with fitting_threads(run.learner.net, settings.batch_size):
            show_training(run, console)
        scores = score(run, source, parts)
    except KeyboardInterrupt:
        run.status = f"interrupted after epoch {len(run.records)}"
    except FloatingPointError as error:
        run.status, failure = f"failed: {error}", error
    run.put_back()
    _print_end(run, scores, console)
    _write(run, source, parts, scores, console)
    if failure is not None:
        raise failure
    return scores is not None


def show_training(run: TrainingRun, console: Console) -> None:
    """Train, printing a line for each epoch; a terminal shows a progress bar too."""
    with progress_bar(console) as bar:
        task = bar.add_task("epochs", total=run.settings.epochs)
        for record in run:
            console.print(epoch_line(record), highlight=False)
            bar.update(task, completed=record.epoch)


def epoch_line(record: pl.Record) -> str:
    """Return the line that is printed for an epoch.

    Examples
    --------
    >>> epoch_line(pl.Record(7, None, 0.25, 0.9))
    'epoch   7  loss 0.2500  accuracy  90.00%'
    """
    line = f"epoch {record.epoch:3d}  loss {record.loss:.4f}  accuracy {record.accuracy:7.2%}"
    if record.validation_accuracy is None:
        return line
    return f"{line}  validation {record.validation_accuracy:7.2%}, loss {record.validation_loss:.4f}"


def score(run: TrainingRun, source: LabelledRows, parts: Parts) -> Scores:
    """Score the kept weights on the test rows; if there are none, on the validation or training rows."""
    run.put_back()
    x, y = parts.x_test, parts.y_test
    part = "test"
    if len(y) == 0:
        part, rows = ("validation", parts.validation) if len(parts.validation) else ("training", parts.train)
        x, y = source.x[rows], source.y[rows]
    predicted = pl.predicted_classes(run.net.predict(x), run.loss.threshold)
    return Scores.of(part, source.classes, y, predicted)


def _rows_line(source: LabelledRows, parts: Parts) -> str:
    counts = {"training": parts.train, "validation": parts.validation, "test": parts.y_test}
    rows = ", ".join(f"{len(each):,} {name}" for name, each in counts.items() if len(each))
    classes, features = counted(len(source.classes), "class"), counted(len(source.features), "feature")
    return f"{source.name}: {classes}, {features}; rows: {rows}"


def _components_line(run: TrainingRun) -> list[str]:
    """Say how many principal components the network is trained on, if it is."""
    components = run.learner.components
    if components is None:
        return []
    n, share = len(components.shares), components.shares.sum()
    return [f"Training on {counted(n, 'principal component')}, about {share:.0%} of the variance."]


def _resume_line(run: TrainingRun) -> str:
    """Say where a resumed training continues."""
    path = run.settings.checkpoint
    if not path or not path.exists():
        return f"There is no checkpoint {path} yet: starting from the beginning."
    return f"Resuming from {path}: {run.begun} of {run.settings.epochs} epochs finished."


def _print_end(run: TrainingRun, scores: Scores | None, console: Console) -> None:
    """Print how the training ended."""
    if scores is None:
        say(console, _interruption(run))
        return
    if run.settings.patience:
        ending = run.status.capitalize()
        console.print(f"{ending}: keeping the weights of epoch {run.kept_epoch}, the best", highlight=False)
    show_scores(scores, console)


def _interruption(run: TrainingRun) -> str:
    """Say what an interrupted training leaves behind, and how to continue."""
    kept = f"Interrupted after epoch {len(run.records)}"
    if run.settings.checkpoint is not None and run.settings.checkpoint.exists():
        resume = "" if run.settings.resume else " with --resume"
        return f"{kept}: the same command{resume} continues from {run.settings.checkpoint}."
    if run.kept_epoch == 0:
        return "Interrupted before the first epoch ended: there is nothing to keep."
    if run.settings.save is None:
        return f"{kept}, not saved. With --save FILE, an interrupted training keeps its network."
    return (
        f"{kept}: the network of epoch {run.kept_epoch} is saved and ready to use. "
        "The same command trains from the beginning."
    )


def _write(
    run: TrainingRun, source: LabelledRows, parts: Parts, scores: Scores | None, console: Console
) -> None:
    """Write the network and the run file if they are named, and suggest the next command."""
    save, lines = run.settings.save, []
    if save is not None and run.kept_epoch:
        run.net.save(save)
        lines += [f"saved: {save}", f"next: pellucid predict {quote(str(save))} {_example(source)}"]
    if run.settings.run is not None:
        write_run(run.settings.run, source, parts, run, scores)
        lines.insert(0, f"run file: {run.settings.run}")
    if lines:
        say(console, *lines)


def _example(source: LabelledRows) -> str:
    """Return an input for the suggested command."""
    if source.test is not None:
        return source.name if len(source.test[1]) else "image.png"
    return quote(source.name)
