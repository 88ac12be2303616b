"""What would fill an empty cell: weights, data, a GPU, a command. Only commands that exist are named."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from liveact_eval.cards.load import list_cards, load_dataset
from liveact_eval.reproducing.named import DataName, model_cards, same_name


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that measures one metric of one system; several metrics of a system are one command."""

    start: str
    """Everything before the metrics."""
    metric: str
    out: str
    """Run folder."""

    def text(self, metrics: Sequence[str] = ()) -> str:
        """The command, for these metrics or for its own."""
        return f"{self.start} --metrics {','.join(metrics or [self.metric])} --out {self.out}"


@dataclass(frozen=True, kw_only=True)
class Fill:
    """What would fill a cell."""

    videos_of: str | None = None
    """A system of which there is no card here, so that its videos have to come from its authors' program."""
    things: tuple[str, ...] = ()
    """One thing each: weights of the model, hardware, data."""
    networks: tuple[str, ...] = ()
    """Networks of metrics whose weights are missing."""
    command: Command | None = None
    """The command that measures it once all that is there."""


def lines_of(fills: Sequence[Fill]) -> list[str]:
    """What would fill several cells, each thing once."""
    found = []
    systems = list(dict.fromkeys(fill.videos_of for fill in fills if fill.videos_of is not None))
    if systems:
        programs = "its authors' program" if len(systems) == 1 else "their authors' programs"
        found.append(
            f"videos of {', '.join(systems)}, made with {programs}: no card of this version runs that"
        )
    found += dict.fromkeys(thing for fill in fills for thing in fill.things)
    networks = dict.fromkeys(name for fill in fills for name in fill.networks)
    if networks:
        found.append(f"weights of metrics: liveact-eval metrics fetch {' '.join(networks)}")
    return found


@dataclass(frozen=True, kw_only=True)
class Giver:
    """What gives an output."""

    metric: str
    """Name on the command line."""
    lacking: tuple[str, ...]
    """Its networks whose weights are missing."""
    asks: bool
    """Whether it needs a program that answers questions about videos."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Answers about this machine, looked up once per name."""

    weights_missing: Mapping[str, bool]
    """Whether weight files of a model card are missing, by its name."""
    hardware: Mapping[str, str]
    """What a model card says that it needs, by its name."""
    givers: Mapping[str, Giver]
    """By the output's name."""
    programs: Mapping[str, bool] = field(default_factory=dict)
    """Whether anything is missing for a system that is run as a program, by the name of its card."""

    def fill(self, model: str, data: DataName, output: str) -> Fill:
        """What it takes to have a number of a system on a table's clips."""
        card, giver = self._card(model), self.givers.get(output)
        things = []
        if card is not None and self.weights_missing.get(card, False):
            things.append(f"weights: liveact-eval models fetch {card}")
        if card is not None and self.programs.get(card, False):
            things.append(f"environment, weights and terms: liveact-eval models show {card}")
        if card is not None and card in self.hardware:
            things.append(f"hardware: {self.hardware[card]}")
        things.append(_data(data))
        if giver is not None and giver.asks:
            things.append("a program that answers questions about videos: docs/human-fidelity.md")
        return Fill(
            videos_of=model if card is None else None,
            things=tuple(things),
            networks=() if giver is None else giver.lacking,
            command=None
            if giver is None or data.name is None
            else self._command(model, data.name, giver.metric),
        )

    def _command(self, model: str, dataset: str, metric: str) -> Command:
        clips = f"path/to/{dataset}-clips"
        card = self._card(model)
        if card is not None:
            start = f"liveact-eval run --model {card} --dataset {clips}"
        else:
            start = f"liveact-eval score path/to/{model} --name {model} --reference {clips}"
        return Command(start=start, metric=metric, out=f"runs/{dataset}-{model}")

    def _card(self, model: str) -> str | None:
        known = (*self.weights_missing, *self.programs)
        return next((name for name in known if same_name(name, model)), None)


def _data(data: DataName) -> str:
    if data.name is None:
        return f"data: {data.words}; this project has no card of it, and the paper lists no clips"
    if data.name not in list_cards("datasets"):
        return f"data: clips of {data.words}, cut as the paper says, in a folder named {data.name}-clips"
    card = load_dataset(data.name)[0]
    size = "x".join(map(str, card.protocol.size or ())) or "their own size"
    where = "" if card.prepared is None else f", published at {card.prepared.url}"
    rate = "" if card.protocol.fps is None else f" at {card.protocol.fps:g} fps"
    return f"data: {card.title}{where}, cut and cropped to {size}{rate}, in a folder named {data.name}-clips"


@functools.cache
def needs_of_this_machine() -> Needs:
    """Cards, and which weight files are there. Files are not read."""
    from liveact_eval.generators.build import runnable
    from liveact_eval.metrics.composite import CompositeMetric
    from liveact_eval.metrics.registry import networks_of, parts_of, shipped
    from liveact_eval.networks.provider import Networks
    from liveact_eval.weights.store import inventory

    cards = model_cards()
    networks, known = Networks(), shipped()
    givers: dict[str, Giver] = {}
    for metric in known.values():
        lacking = tuple(
            name for name in networks_of(metric, known) if networks.state(name) in {"missing", "wrong size"}
        )
        asked = parts_of(metric, known) if isinstance(metric, CompositeMetric) else [metric]
        giver = Giver(metric=metric.name, lacking=lacking, asks=any(one.answers for one in asked))
        givers.update({output.name: giver for output in metric.outputs})
    return Needs(
        weights_missing={
            card.name: any(
                file.state in {"missing", "wrong size"} and not file.entry.optional
                for file in inventory(card)
            )
            for card in cards
            if card.kind == "native"
        },
        hardware={card.name: card.hardware for card in cards if card.hardware is not None},
        givers=givers,
        programs={card.name: not runnable(card) for card in cards if card.kind == "command"},
    )
