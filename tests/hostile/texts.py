"""Texts of architecture and study files that mean harm, each under a name that says how."""

from __future__ import annotations

HEAD = "cnnbuild: 1\n"
TAIL = "layers:\n  - flatten\n  - linear: $data.classes\n"
ESCAPE = "\x1b[2J\x1b]0;owned\x07"
"""Clears a terminal's screen, names its window, and rings its bell."""
BIDI = "\u202egnp.\u2066\u200b\ufeff"
"""Text that a terminal shows in another order than it is stored, and characters that it does not show."""
LEVELS = 10_000
STUDY = (
    "cnnbuild: 1\nstudy: s\narchitectures: {a: net.yaml}\ndatasets: [digits]\nseeds: 1\n"
    "train: {epochs: 1, batch_size: 8, optimizer: adam}\n"
)


def _doubled(signs: str) -> str:
    """Variables of which each is ten times as long as the one before."""
    first, between, opening, closing = (
        ("a", "", "$('", "')") if signs == "text" else ("[1, 2]", " + ", "$(", ")")
    )
    lines = [f"  v0: {first}\n"]
    lines += [f"  v{n}: {opening}{between.join([f'v{n - 1}'] * 10)}{closing}\n" for n in range(1, 12)]
    if signs == "text":
        lines[1:] = [f"  v{n}: {f'$v{n - 1}' * 10}\n" for n in range(1, 12)]
    return HEAD + "vars:\n" + "".join(lines) + "layers:\n  - flatten\n  - linear: $v11\n"


def _value(value: str) -> str:
    """A file whose last layer has this value."""
    return f"{HEAD}layers:\n  - flatten\n  - linear: {value}\n"


def _aliases(opening: str, closing: str, key: str) -> str:
    lines = [f"  a0: &a0 {opening}{key.format(0)}x{closing}\n"]
    for n in range(1, 12):
        inside = ", ".join(f"{key.format(m)}*a{n - 1}" for m in range(10))
        lines.append(f"  a{n}: &a{n} {opening}{inside}{closing}\n")
    return HEAD + "vars:\n" + "".join(lines) + TAIL


def _calls_nested(levels: int, repeat: int, inner: str) -> str:
    """Blocks that call one another, each `repeat` times."""
    blocks = "".join(
        f"  b{n}:\n    layers:\n      - {f'b{n + 1}' if n + 1 < levels else inner}:\n        repeat: {repeat}\n"
        for n in range(levels)
    )
    return f"{HEAD}blocks:\n{blocks}layers:\n  - b0:\n    repeat: {repeat}\n  - flatten\n  - linear: $data.classes\n"


ROWS = "$(range(10000))"

ARCHITECTURES: dict[str, str] = {
    "aliases_of_lists": _aliases("[", "]", ""),
    "aliases_of_mappings": _aliases("{", "}", "k{}: "),
    "alias_of_itself": f"{HEAD}vars:\n  a: &a [*a, *a]\n{TAIL}",
    "merge_keys": f"{HEAD}vars: &v {{a: 1}}\nlayers:\n  - conv: {{<<: *v, out_channels: 4}}\n",
    "nested_lists": f"{HEAD}vars: {'[' * LEVELS}{']' * LEVELS}\n{TAIL}",
    "nested_lists_left_open": f"{HEAD}vars: {'[' * LEVELS}\n",
    "nested_mappings": f"{HEAD}vars: {'{a: ' * LEVELS}{'}' * LEVELS}\n{TAIL}",
    "nested_dashes": f"{HEAD}vars:\n  {'- ' * LEVELS}x\n{TAIL}",
    "nested_keys": f"{HEAD}vars:\n  {'? ' * LEVELS}x\n{TAIL}",
    "nested_indentation": HEAD + "vars:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 1_300)) + TAIL,
    "nested_bodies": HEAD
    + "layers:\n"
    + "".join(f"{' ' * (4 * n)}  - residual:\n{' ' * (4 * n)}      body:\n" for n in range(40)).replace(
        "body:\n", "body:\n"
    ),
    "nested_parentheses": _value(f"$({'(' * LEVELS}1{')' * LEVELS})"),
    "nested_parentheses_of_five_hundred_characters": _value(f"$({'(' * 240}1{')' * 240})"),
    "nested_brackets": _value(f"$({'[' * 200}1{']' * 200})"),
    "nested_nots": _value(f"$({'not ' * 120}true)"),
    "nested_signs": _value(f"$({'-' * 480}1)"),
    "nested_choices": _value(f"$({'1 if true else ' * 30}1)"),
    "nested_indices": _value(f"$([1]{'[0]' * 150})"),
    "a_chain_of_sums": _value(f"$(1{' + 1' * 120})"),
    "python_object": f'{HEAD}vars: !!python/object/apply:os.system ["touch owned"]\n{TAIL}',
    "python_name": f"{HEAD}vars: {{a: !!python/name:os.system }}\n{TAIL}",
    "python_module": f"{HEAD}vars: {{a: !!python/module:os }}\n{TAIL}",
    "python_new_object": f"{HEAD}vars: {{a: !!python/object/new:subprocess.Popen [[touch, owned]]}}\n{TAIL}",
    "own_tag": f"{HEAD}vars: {{a: !owned x}}\n{TAIL}",
    "binary_tag": f"{HEAD}vars: {{a: !!binary aGk=}}\n{TAIL}",
    "class_of_a_text": _value("$(''.__class__.__mro__[1].__subclasses__())"),
    "class_of_the_data": _value("$(data.__class__)"),
    "class_of_the_data_without_parentheses": _value("$data.__class__"),
    "class_of_a_number": _value("$((1).__class__)"),
    "class_of_a_function": _value("$(len.__globals__)"),
    "a_call_of_import": _value("$(__import__('os').system('touch owned'))"),
    "a_call_of_eval": _value("$(eval('1'))"),
    "a_lambda": _value("$((lambda: 1)())"),
    "a_comprehension": _value("$([x for x in range(9)])"),
    "a_format_text": _value("$('{0.__class__}'.format(1))"),
    "exponent": _value("$(10 ** 10 ** 10)"),
    "product_growth": _value("$(9000000000000000 * 9000000000000000)"),
    "text_times_number": _value("$('a' * 1000000000)"),
    "list_times_number": _value("$([0] * 1000000000)"),
    "a_long_range": _value("$(range(10000000000000))"),
    "a_sum_of_ranges": _value("$(" + " + ".join(["range(10000)"] * 30) + ")"),
    "a_list_of_ranges": _value("$([" + ", ".join(["range(10000)"] * 30) + "])"),
    "a_huge_float": _value("$(1e308 * 10)"),
    "a_huge_integer": _value("9" * 5_000),
    "a_huge_integer_in_an_expression": _value(f"$({'9' * 400})"),
    "texts_that_grow": _doubled("text"),
    "lists_that_grow": _doubled("list"),
    "repeat_of_a_power": f"{HEAD}layers:\n  - relu:\n    repeat: 10**9\n  - flatten\n  - linear: 1\n",
    "repeat_of_a_billion": f"{HEAD}layers:\n  - relu:\n    repeat: 1000000000\n  - flatten\n  - linear: 1\n",
    "repeat_of_a_product": f"{HEAD}layers:\n  - relu:\n    repeat: $(1000000 * 1000000)\n  - flatten\n",
    "repeat_of_infinity": f"{HEAD}layers:\n  - relu:\n    repeat: .inf\n  - flatten\n",
    "a_trillion_nodes": (
        f"{HEAD}layers:\n  - foreach: {{a: {ROWS}}}\n    do:\n      - foreach: {{b: {ROWS}}}\n        do:\n"
        "          - relu:\n            repeat: 10000\n  - flatten\n  - linear: $data.classes\n"
    ),
    "a_trillion_nodes_that_are_dropped": (
        f"{HEAD}layers:\n  - foreach: {{a: {ROWS}}}\n    do:\n      - foreach: {{b: {ROWS}}}\n        do:\n"
        "          - relu:\n            repeat: 10000\n            when: false\n"
        "  - flatten\n  - linear: $data.classes\n"
    ),
    "a_trillion_nodes_of_no_copies": (
        f"{HEAD}layers:\n  - foreach: {{a: {ROWS}}}\n    do:\n      - foreach: {{b: {ROWS}}}\n        do:\n"
        "          - relu:\n            repeat: 0\n  - flatten\n  - linear: $data.classes\n"
    ),
    "rows_that_are_dropped": (
        f"{HEAD}layers:\n  - foreach: {{a: {ROWS}}}\n    do:\n      - foreach: {{b: {ROWS}}}\n        when: false\n"
        "        do: [relu]\n  - flatten\n  - linear: $data.classes\n"
    ),
    "blocks_that_double": _calls_nested(60, 2, "relu"),
    "blocks_that_double_and_drop": _calls_nested(60, 2, "relu").replace(
        "- relu:\n        repeat: 2", "- relu:\n        repeat: 10000\n        when: false"
    ),
    "a_block_that_calls_itself": f"{HEAD}blocks:\n  b:\n    layers: [b]\nlayers: [b]\n",
    "blocks_that_call_one_another": (
        f"{HEAD}blocks:\n  a:\n    layers: [b, b]\n  b:\n    layers: [a, a]\nlayers: [a]\n"
    ),
    "a_huge_kernel": f"{HEAD}layers:\n  - conv: {{out_channels: 4, kernel_size: 1000000000000}}\n",
    "a_huge_kernel_with_padding": (
        f"{HEAD}layers:\n  - conv: {{out_channels: 4, kernel_size: 9000000001, padding: half}}\n"
        "  - global_avg_pool\n  - flatten\n  - linear: $data.classes\n"
    ),
    "huge_channels": (
        f"{HEAD}layers:\n  - conv: {{out_channels: 9000000000000000, kernel_size: 1}}\n"
        "  - conv: {out_channels: 9000000000000000, kernel_size: 1}\n"
        "  - global_avg_pool\n  - flatten\n  - linear: $data.classes\n"
    ),
    "huge_channels_as_a_number": _value("100000000000000000000000000000"),
    "a_huge_upsampling": (
        f"{HEAD}layers:\n" + "  - upsample: 1000000\n" * 5 + "  - global_avg_pool\n  - flatten\n"
        "  - linear: $data.classes\n"
    ),
    "a_name_that_is_a_path": f"{HEAD}layers:\n  - flatten\n  - linear: $data.classes\n    name: ../../etc/passwd\n",
    "an_import_of_a_path": f"{HEAD}uses: [../../../../../../etc/passwd]\n{TAIL}",
    "a_file_that_uses_itself": f"{HEAD}uses: [hostile.yaml, ./hostile.yaml]\n{TAIL}",
    "an_import_of_a_network": f"{HEAD}uses: ['https://example.org/net.yaml']\n{TAIL}",
    "raw_escapes_in_a_value": f"{HEAD}description: {ESCAPE}\n{TAIL}",
    "escapes_in_a_value": f'{HEAD}vars: {{a: "\\e[2J\\e]0;owned\\a\\x9b31m\\u202e\\u0000"}}\n'
    "layers:\n  - flatten\n  - linear: $a\n",
    "escapes_in_a_key": f'{HEAD}"\\e[2J\\a\\u202e": 1\n{TAIL}',
    "escapes_in_a_type": f'{HEAD}layers:\n  - "\\e[2J\\a\\u2066": 1\n',
    "escapes_in_a_name": f'{HEAD}layers:\n  - flatten\n  - linear: 1\n    name: "\\e[2J\\a\\nx"\n',
    "escapes_in_from": f'{HEAD}layers:\n  - flatten\n  - linear: 1\n    from: "\\e[2J\\n\\a"\n',
    "escapes_in_a_parameter": f'{HEAD}layers:\n  - conv: {{"\\e[2J\\n": 1, out_channels: 1, kernel_size: 1}}\n',
    "escapes_in_a_variant": f'{HEAD}vars: {{a: 1}}\nvariants: {{"v\\e[2J": {{b: 1}}}}\n{TAIL}',
    "escapes_in_a_block": f'{HEAD}blocks: {{"b\\e[2J": {{layers: [relu]}}}}\nlayers: ["b\\e[2J", 1]\n',
    "escapes_in_an_expression": f"{HEAD}layers:\n  - flatten\n  - linear: \"$('\\e[2J\\a' + 1)\"\n",
    "escapes_in_a_tag": f"{HEAD}vars: !<%1B%5B2J%07> x\n{TAIL}",
    "bidi_in_a_value": f"{HEAD}vars: {{a: {BIDI}}}\nlayers:\n  - flatten\n  - linear: $a\n",
    "bidi_in_a_key": f"{HEAD}{BIDI}: 1\n{TAIL}",
    "bidi_in_a_comment": f"{HEAD}layers: [covn] # {BIDI}\n",
    "a_lone_surrogate": f'{HEAD}description: "\\ud800"\n{TAIL}',
    "a_private_character": f"{HEAD}description: \ue000\n{TAIL}",
    "a_very_long_line": f"{HEAD}layers: [{'relu, ' * 150_000}covn]\n",
    "a_very_long_key": f"{HEAD}{'k' * 900_000}: 1\n{TAIL}",
    "a_very_long_word": f"{HEAD}layers: [{'c' * 900_000}]\n",
    "a_million_brackets": f"{HEAD}vars: {'[' * 900_000}\n",
    "a_million_quotes": f"{HEAD}vars: [{', '.join(['$('] * 200_000)}]\n",
    "many_nodes": HEAD + "layers:\n" + "  - relu\n" * 90_000,
    "many_mistakes": HEAD + "layers:\n" + "".join(f"  - covn{n}: {{a: {n}}}\n" for n in range(20_000)),
    "many_keys": HEAD + "".join(f"k{n}: 1\n" for n in range(45_000)) + TAIL,
    "many_variables": HEAD + "vars:\n" + "".join(f"  k{n}: 1\n" for n in range(45_000)) + TAIL,
    "many_variables_that_use_the_last": HEAD
    + "vars:\n  k0: 1\n"
    + "".join(f"  k{n}: $(k{n - 1} + 1)\n" for n in range(1, 20_000))
    + "layers:\n  - flatten\n  - linear: $k19999\n",
    "many_variants": HEAD
    + "vars: {a: 1}\nvariants:\n"
    + "".join(f"  k{n}: {{a: {n}}}\n" for n in range(12_000))
    + "layers:\n  - relu:\n    repeat: 10000\n  - flatten\n  - linear: $a\n",
    "many_expectations": HEAD
    + "expect:\n"
    + "  - {input: [3, 32, 32], classes: 10}\n" * 6_000
    + "layers:\n  - relu:\n    repeat: 10000\n  - flatten\n  - linear: $data.classes\n",
    "many_branches": HEAD
    + "layers:\n  - concat:\n"
    + "".join(f"      k{n}: identity\n" for n in range(40_000))
    + "  - covn\n",
    "many_anchors": HEAD
    + "vars:\n"
    + "".join(f"  k{n}: &a{n} 1\n" for n in range(40_000))
    + "covn: 1\n"
    + TAIL,
    "many_documents": "cnnbuild: 1\n---\n" * 50_000,
    "many_names": HEAD
    + "layers:\n"
    + "".join(f"  - relu:\n    name: n{n}\n" for n in range(15_000))
    + "  - relu:\n    from: none\n",
}

STUDIES: dict[str, str] = {
    "study_with_escapes_as_its_name": STUDY.replace("study: s", 'study: "\\e[2J\\a\\n"'),
    "study_of_a_device": STUDY.replace("net.yaml", "/dev/zero"),
    "study_of_a_billion_seeds": STUDY.replace("seeds: 1", "seeds: 1000000000"),
    "study_with_a_name_of_escapes": STUDY.replace("{a: net.yaml}", '{"\\e[2J": net.yaml}'),
    "study_with_aliases": STUDY + "vars:\n" + _aliases("[", "]", "").split("vars:\n")[1].split("layers")[0],
    "study_of_many_architectures": STUDY.replace(
        "{a: net.yaml}", "{" + ", ".join(f"a{n}: net.yaml" for n in range(8_000)) + "}"
    ),
    "study_with_many_variants": STUDY
    + "variants:\n"
    + "".join(f"  v{n}: {{train: {{epochs: {n}}}}}\n" for n in range(5_000)),
}
