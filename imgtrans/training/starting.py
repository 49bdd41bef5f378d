"""The model that a run starts from: it decides what the generators are, and gives them their first weights."""

from typing import Any

from imgtrans.architectures.family import architecture as resnet
from imgtrans.architectures.parameters import ResNetParameters
from imgtrans.errors import ModelError, UsageError
from imgtrans.training.naming import reverse_name
from imgtrans.training.options import TrainOptions
from imgtrans.training.state import CHANNELS, TrainingState
from imgtrans.zoo.loading import find_model, load_network


def options_from(given: dict[str, Any]) -> TrainOptions:
    """Return options whose generators are those of the model that the run starts from."""
    model = find_model(given["init"])
    load_network(model)  # a card may say anything; from here on it is true
    card, parameters = model.card, model.card.parameters
    pictures = (parameters.get("channels"), card.value_range, card.made_range, card.channel_order)
    usual = card.architecture == resnet.name and pictures == (CHANNELS, (-1.0, 1.0), (-1.0, 1.0), "RGB")
    if not usual or ResNetParameters.parse(parameters).plain().keys() != {"channels", "ngf", "blocks", "upsampling"}:
        raise ModelError(
            f"{given['init']!r} cannot be trained on: it is not the deck's {resnet.name} of RGB pictures in [-1, 1]",
            "leave --init out to start from new weights",
        )
    network = {name: parameters[name] for name in ("ngf", "blocks", "upsampling")}
    for name, value in network.items():
        if given.get(name, value) != value:
            raise UsageError(
                f"--{name} is {given[name]}, but {given['init']} has {value}", f"leave --{name} out to start from it"
            )
    return TrainOptions.chosen(given | network)


def start_from(reference: str, state: TrainingState) -> None:
    """Fill the generators with a model's weights, and its reverse's if the zoo has that."""
    model, generators = find_model(reference), state.objective.generators()
    generators["G_AB"].load_state_dict(load_network(model).state_dict())
    if "G_BA" not in generators:
        return
    try:
        reverse = find_model(reverse_name(model.name))
    except (ModelError, UsageError):
        return  # one direction is a start too
    if (reverse.card.parameters, reverse.card.value_range) == (model.card.parameters, model.card.value_range):
        generators["G_BA"].load_state_dict(load_network(reverse).state_dict())
