"""What people and scripts see of a network that learned by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wagekit.cli.console import note, out, print_json, say
from wagekit.cli.learning import BY_HAND
from wagekit.cli.session import Outputs, Telling
from wagekit.monitor import Fact
from wagekit.numerics.learn import ONE

if TYPE_CHECKING:
    from wagekit.cli.by_itself import Lesson, Result

ENDS = {
    "samples": "all samples were learned",
    "accuracy": "the running accuracy was reached",
    "patience": "it got no better",
    "asked": "it was stopped",
}


def facts(lesson: Lesson, result: Result) -> list[Fact]:
    """For the report."""
    state, how = result.state, lesson.how
    kept = f"{state.stored:,} of {how.keep:,} samples, {how.replay} replayed after each new step"
    facts = [
        Fact("ended because", ENDS[state.end]),
        Fact("new samples", f"{state.seen:,}, {state.wrong:,} of them wrong before they were learned"),
        Fact("best running accuracy", f"{state.best / ONE:.1%} at sample {state.best_at:,}"),
        Fact("order", how.order),
        Fact("replay store", kept if how.keep else "off"),
    ]
    if result.instructions is not None:
        facts.append(Fact("instructions a new sample", f"{result.instructions:,.0f}"))
    if result.verified:
        facts.append(Fact("same bits as on", result.verified))
    return facts


def to_dict(lesson: Lesson, result: Result, seconds: float) -> dict[str, Any]:
    """For a script."""
    state, tests = result.state, result.tests
    return {
        "finished": state.end != "asked",
        "end": state.end,
        "samples": state.seen,
        "wrong": state.wrong,
        "running_accuracy": state.accuracy,
        "best_accuracy": state.best / ONE,
        "best_at": state.best_at,
        "stored": state.stored,
        "step": state.step,
        "digest": result.digest,
        "by_hand": [list(entry) for entry in result.offsets],
        "test_samples": len(lesson.test),
        "test_accuracy_before": tests[0].accuracy if tests else None,
        "test_accuracy": tests[-1].accuracy if tests else None,
        "tests": [[round(test.epoch * len(lesson.train)), test.accuracy] for test in tests],
        "instructions_per_sample": result.instructions,
        "verified": result.verified,
        "seconds": round(seconds, 3),
        "model": str(result.saved) if result.saved else None,
    }


def say_result(lesson: Lesson, result: Result, told: Telling, outputs: Outputs) -> None:
    """On the terminal, or as JSON."""
    seconds = told.story.seconds
    if outputs.json:
        print_json(to_dict(lesson, result, seconds))
        return
    state, tests = result.state, result.tests
    say(
        f"{state.seen:,} samples ({seconds:.1f} s): {ENDS[state.end]}; running accuracy "
        f"{state.accuracy:.1%}, best {state.best / ONE:.1%} at sample {state.best_at:,}"
    )
    if tests:
        out.print(
            f"[bold]{tests[-1].accuracy:.1%}[/] of {len(lesson.test):,} test samples right, "
            f"{tests[0].accuracy:.1%} before"
        )
    if result.instructions is not None:
        say(f"{result.instructions:,.0f} instructions a new sample")
    say(f"digest {result.digest}" + (f", the same on {result.verified}" if result.verified else ""))
    if result.offsets:
        note(BY_HAND)
    if result.saved:
        say(f"saved  {result.saved}")
    if outputs.report:
        say(f"report {outputs.report / 'report.html'}")
    if state.end == "asked":
        note("stopped by hand; what was learned is kept")
