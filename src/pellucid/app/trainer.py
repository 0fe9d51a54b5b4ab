"""`pellucid train` from settings to files: load, divide, train, score, save."""

from shlex import quote

import numpy as np
from rich.console import Console

import pellucid as pl
from pellucid.app.outputs import check_checkpoint, check_place, write_run
from pellucid.app.rows import Parts, Source, divide, load_source
from pellucid.app.scores import Scores, show_scores
from pellucid.app.screen import progress_bar
from pellucid.app.settings import TrainSettings
from pellucid.app.threads import fitting_threads
from pellucid.app.training_run import TrainingRun
from pellucid.wording import counted


def train(settings: TrainSettings, console: Console) -> bool:
    """Train as the settings say, show it, and write the files that they name.

    Returns
    -------
    bool
        False if Ctrl-C broke it off; what was learnt until then is kept.

    Raises
    ------
    FloatingPointError
        If the training diverged; the files are written before.
    """
    check_place("--save", settings.save)
    check_place("--run", settings.run)
    check_checkpoint(settings.checkpoint, resume=settings.resume)
    rng = np.random.default_rng(settings.seed)
    source = load_source(settings)
    parts = divide(source, settings, rng)
    run = TrainingRun(settings, source, parts, rng)
    told = [_told_rows(source, parts), run.net.summary(), *_told_components(run)]
    if settings.resume:
        told.append(_told_start(run))
    console.print(*told, sep="\n", markup=False, highlight=False, soft_wrap=True)
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
    _tell_end(run, scores, console)
    _write(run, source, parts, scores, console)
    if failure is not None:
        raise failure
    return scores is not None


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


def score(run: TrainingRun, source: Source, parts: Parts) -> Scores:
    """Measure the kept weights on the test rows; where there are none, on the best rows that there are."""
    run.put_back()
    x, y = parts.x_test, parts.y_test
    part = "test"
    if len(y) == 0:
        part, rows = ("validation", parts.validation) if len(parts.validation) else ("training", parts.train)
        x, y = source.x[rows], source.y[rows]
    predicted = pl.predicted_classes(run.net.predict(x), run.loss.threshold)
    return Scores.of(part, source.classes, y, predicted)


def _told_rows(source: Source, parts: Parts) -> str:
    counts = {"training": parts.train, "validation": parts.validation, "test": parts.y_test}
    rows = ", ".join(f"{len(each):,} {name}" for name, each in counts.items() if len(each))
    classes, features = counted(len(source.classes), "class"), counted(len(source.features), "feature")
    return f"{source.name}: {classes}, {features}; rows: {rows}"


def _told_components(run: TrainingRun) -> list[str]:
    """Say what the network learns from where that is not the features."""
    components = run.learner.components
    if components is None:
        return []
    n, share = len(components.shares), components.shares.sum()
    return [f"It learns from {counted(n, 'principal component')}, about {share:.0%} of the variance."]


def _told_start(run: TrainingRun) -> str:
    """Say where a training that is resumed goes on."""
    path = run.settings.checkpoint
    if not path or not path.exists():
        return f"There is no checkpoint {path} yet: from the start."
    return f"Going on from {path}: epochs done: {run.begun} of {run.settings.epochs}."


def _tell_end(run: TrainingRun, scores: Scores | None, console: Console) -> None:
    """Print how the training ended."""
    if scores is None:
        console.print(_told_break(run), markup=False, highlight=False, soft_wrap=True)
        return
    if run.settings.patience:
        ending = run.status.capitalize()
        console.print(f"{ending}: the weights of epoch {run.kept_epoch}, the best, are kept", highlight=False)
    show_scores(scores, console)


def _told_break(run: TrainingRun) -> str:
    """Say what a training that was broken off leaves behind, and how to go on."""
    kept = f"Broken off after epoch {len(run.records)}"
    if run.settings.checkpoint is not None and run.settings.checkpoint.exists():
        resume = "" if run.settings.resume else " with --resume"
        return f"{kept}: the same command{resume} goes on from {run.settings.checkpoint}."
    if run.kept_epoch == 0:
        return "Broken off before the first epoch was done: there is nothing to keep."
    if run.settings.save is None:
        return f"{kept}, not saved: with --save FILE, what is learnt by then is kept."
    return (
        f"{kept}: the network of epoch {run.kept_epoch} is kept and can be used as it is; "
        "the same command trains again from the start."
    )


def _write(run: TrainingRun, source: Source, parts: Parts, scores: Scores | None, console: Console) -> None:
    """Write the network and the run file where they are wanted, and say what to do next."""
    save, lines = run.settings.save, []
    if save is not None and run.kept_epoch:
        run.net.save(save)
        lines += [f"saved: {save}", f"next: pellucid predict {quote(str(save))} {_example(source)}"]
    if run.settings.run is not None:
        write_run(run.settings.run, source, parts, run, scores)
        lines.insert(0, f"run file: {run.settings.run}")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _example(source: Source) -> str:
    """Return an input that the model can predict at once."""
    if source.test is not None:
        return source.name if len(source.test[1]) else "image.png"
    return quote(source.name)
