"""From one combination of a study to its network, its variables and its recipe, every fault collected."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cnnbuild.errors import DataError, DocumentError, Problem, Problems, UsageError
from cnnbuild.graph.data_contract import DataContract, contract_of, train_images_of
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.freezing import faulty_freeze
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.single_values import single_value
from cnnbuild.lang.architecture import ArchitectureDocument, read_architecture
from cnnbuild.lang.recipe import Recipe
from cnnbuild.lang.source import Plain
from cnnbuild.lang.study_document import Combination, StartingWeights, StudyDocument
from cnnbuild.layers.registry import Registry
from cnnbuild.studies.budget import TooSmallError, budgeted
from cnnbuild.studies.matching import Matched, Matcher
from cnnbuild.studies.starting import Start, start_from
from cnnbuild.texts import did_you_mean

if TYPE_CHECKING:
    from cnnbuild.modules.weight_files import FileOfWeights


@dataclass(frozen=True, slots=True)
class Settled:
    """A combination as its runs have it: network, values of its variables, recipe, and how it begins."""

    graph: Graph
    vars: Mapping[str, Plain]
    recipe: Recipe
    start: Start | None = None


def _told(combination: Combination) -> str:
    """For which runs a fault was found."""
    setting = f" ({combination.setting})" if combination.setting else ""
    return f"for {combination.architecture} on {combination.dataset.label}{setting}"


@dataclass
class Planner:
    """Reads each architecture file once and collects the faults of all combinations."""

    study: StudyDocument
    data_root: Path | None
    registry: Registry | None
    problems: Problems = field(default_factory=Problems)
    matched: list[Matched] = field(default_factory=list)
    documents: dict[Path, ArchitectureDocument | None] = field(default_factory=dict)
    contracts: dict[str, DataContract] = field(default_factory=dict)
    read_files: dict[Path, FileOfWeights] = field(default_factory=dict)

    def __post_init__(self) -> None:
        match = self.study.match
        self.matcher = Matcher(match, self.problems, self.registry) if match is not None else None

    def settle(self, combination: Combination) -> Settled | None:
        """What the runs of a combination train, or None after its faults were added."""
        document = self.document_of(combination.file)
        if document is None or not self.is_sound(combination, document):
            return None
        contract = self.contract_of(combination)
        if not self.has_images(combination, contract):
            return None
        variables = self.variables_of(combination)
        if self.matcher is not None:
            try:
                chosen = self.matcher.choose(combination, document, contract, variables)
            except DocumentError as error:
                self.adopt_faults(error, combination)
                return None
            if chosen is None:
                return None
            value = chosen.value
            variables = {**variables, chosen.variable: [*value] if isinstance(value, tuple) else value}
            self.matched.append(chosen)
        graph = self.graph_of(combination, document, contract, variables)
        recipe = combination.recipe if graph is None else self.recipe_of(combination, graph)
        if graph is None or recipe is None:
            return None
        if combination.weights is None:
            return Settled(graph, variables, recipe)
        start = self.start_of(combination.weights, combination, graph)
        return None if start is None else Settled(graph, variables, recipe, start)

    def start_of(self, weights: StartingWeights, combination: Combination, graph: Graph) -> Start | None:
        """How the runs begin, or None after it was added why they cannot; each file is read once."""
        from cnnbuild.modules.weight_files import read_weights

        try:
            if weights.file not in self.read_files:
                self.read_files[weights.file] = read_weights(weights.file)
            found = self.read_files[weights.file]
            return start_from(weights.file, weights.excepted, graph, found=found)
        except (DataError, UsageError) as error:
            message, *notes = str(error).splitlines()
            self.problems.add(message, weights.place, context=(*notes, _told(combination)))
            return None

    def recipe_of(self, combination: Combination, graph: Graph) -> Recipe | None:
        """The recipe, as long as the study's budget says; None after it was found too small."""
        budget = self.study.budget
        if budget is None:
            return combination.recipe
        told = _told(combination)
        try:
            found = budgeted(budget, combination, graph)
        except TooSmallError as error:
            self.problems.add(str(error), budget.place, help=error.help_text, context=(told,))
            return None
        for message in found.warnings:
            self.problems.add(message, budget.place, context=(told,), severity="warning")
        return found.recipe

    def contract_of(self, combination: Combination) -> DataContract:
        """The contract of its data set, worked out once."""
        label = combination.dataset.label
        if label not in self.contracts:
            self.contracts[label] = contract_of(combination.dataset, data_root=self.data_root)
        return self.contracts[label]

    def document_of(self, path: Path) -> ArchitectureDocument | None:
        """The architecture in a file, read once; None after its faults were added."""
        if path not in self.documents:
            try:
                self.documents[path] = read_architecture(path)
            except DocumentError as error:
                self.documents[path] = None
                self.adopt(error.problems)
        return self.documents[path]

    def variables_of(self, combination: Combination) -> dict[str, Plain]:
        """The values for the variables that the architecture has."""
        document = self.document_of(combination.file)
        known = document.vars if document is not None else {}
        return {v.name: v.value for v in combination.variables if v.name in known}

    def graph_of(
        self,
        combination: Combination,
        document: ArchitectureDocument,
        contract: DataContract,
        variables: Mapping[str, Plain],
    ) -> Graph | None:
        """The network with these variables, or None after its faults were added."""
        solved_at = combination.place if self.study.match is None else self.study.match.place
        try:
            graph = elaborate(
                document,
                contract,
                variant=combination.variant,
                overrides=combination.placed(variables, solved_at),
                registry=self.registry,
            )
        except DocumentError as error:
            self.adopt_faults(error, combination)
            return None
        self.adopt(graph.warnings)
        if refused := single_value(graph, combination.recipe) or faulty_freeze(graph, combination.recipe):
            self.problems.add(refused, combination.place, context=(_told(combination),))
            return None
        return graph

    def has_images(self, combination: Combination, contract: DataContract) -> bool:
        """Whether the data set has the images asked for, as far as can be known without loading it."""
        dataset = combination.dataset
        asked, there = dataset.train_images, train_images_of(dataset)
        if asked is None:
            return True
        if asked < contract.classes:
            fault = f"train_images: {asked} is fewer than the {contract.classes} classes of {dataset.title}"
            self.problems.add(fault, combination.dataset_place)
            return False
        if there is not None and asked > there:
            fault = f"train_images: {asked} is more than the {there:,} training images of {dataset.title}"
            hint = "the recipe's 'validation' is held out of these"
            self.problems.add(fault, combination.dataset_place, help=hint)
            return False
        return True

    def is_sound(self, combination: Combination, document: ArchitectureDocument) -> bool:
        """Whether the variant and the architecture's own variables exist; what does not is added."""
        before = len(self.problems.found)
        if combination.variant is not None and combination.variant not in document.variants:
            hint = did_you_mean(combination.variant, document.variants, listing="its variants")
            message = f"{document.file} has no variant '{combination.variant}'"
            self.problems.add(message, combination.place, help=hint)
            return False
        for variable in combination.variables:
            if not variable.shared and variable.name not in document.vars:
                hint = did_you_mean(variable.name, document.vars, listing="its variables")
                message = f"{document.file} has no variable '{variable.name}'"
                self.problems.add(message, variable.place, help=hint)
        return len(self.problems.found) == before

    def check_shared_variables(self) -> None:
        """Add the variables, meant for all architectures, that none of them has."""
        known = {name for one in self.documents.values() if one is not None for name in one.vars}
        if None in self.documents.values():
            return  # the variables of a faulty file are not known
        for combination in self.study.combinations:
            self.check_varied(combination, known)
        for variable in self.study.named_variables:
            if variable.name not in known:
                hint = did_you_mean(variable.name, known, listing="known variables")
                message = f"no architecture of this study has a variable '{variable.name}'"
                self.problems.add(message, variable.place, help=hint)

    def check_varied(self, combination: Combination, known: Set[str]) -> None:
        """Add the variables of the grid that others have and this architecture has not."""
        document = self.documents.get(combination.file)
        for one in combination.grid:
            name = one.path.removeprefix("vars.")
            if name != one.path and name in known and document is not None and name not in document.vars:
                message = f"{document.file} has no variable '{name}', which the grid varies"
                hint = (
                    "its runs would be the same at every value: give it the variable, or a study of its own"
                )
                self.problems.add(message, combination.place, help=hint)

    def adopt_faults(self, error: DocumentError, combination: Combination) -> None:
        """Add the faults of a network."""
        self.adopt(error.problems, _told(combination))

    def adopt(self, problems: tuple[Problem, ...], *context: str) -> None:
        """Add faults that were found elsewhere."""
        for one in problems:
            self.problems.add(
                one.message,
                one.place,
                help=one.help,
                context=(*one.context, *context),
                severity=one.severity,
            )
