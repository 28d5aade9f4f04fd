"""Batches from files and through transforms: the same bits as from memory, whoever reads them."""

import multiprocessing
import os
import signal
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnnbuild.data.batches import BatchSource, normalization_of
from cnnbuild.data.dataset import Images
from cnnbuild.data.image_files import ImageFiles
from cnnbuild.data.load import load_dataset
from cnnbuild.data.sources import make_source, make_sources
from cnnbuild.data.stream import StreamSource
from cnnbuild.data.transforms import make_transform, transforms_of
from cnnbuild.errors import DataError, RunError, UsageError
from cnnbuild.lang.dataset import DatasetSettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.training.fit import fit

CPU = torch.device("cpu")
CLASSES = ("cat", "dog", "eel")
JITTER = {"transform": {"name": "ColorJitter", "brightness": 0.5, "hue": 0.2}}
TURN = {
    "transform": {"name": "RandomAffine", "degrees": 20, "translate": [0.2, 0.2], "interpolation": "bilinear"}
}
LISTS = [torch.tensor(indices) for indices in ([5, 0, 17], [2, 3], [29, 11, 4, 6], [1], [20, 19])]


def make_folder(folder: Path, *, per_class=10, size=(8, 6)) -> None:
    random = np.random.default_rng(0)
    for part in ("train", "test"):
        for name in CLASSES:
            (folder / part / name).mkdir(parents=True)
            for number in range(per_class):
                pixels = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{number:02}.png")


@pytest.fixture
def pets(tmp_path):
    make_folder(tmp_path / "pets")
    settings = DatasetSettings(name="image_folder", path="pets")
    return {mode: load_dataset(settings, data_root=tmp_path, data=mode) for mode in ("memory", "stream")}


def recipe(**settings):
    return Recipe.model_validate(settings)


def transforms(*steps, shape=(3, 6, 8)):
    return transforms_of(recipe(augment=steps).augment, shape)


def stream(part, indices=None, **options):
    normalization = normalization_of(part, torch.arange(len(part)) if indices is None else indices)
    return StreamSource(part, normalization, CPU, **{"channels_last": False, **options})


def collect(source, lists=LISTS, **options):
    return [(images.clone(), labels) for images, labels in source.batches(lists, **options)]


def same(one, other):
    return len(one) == len(other) and all(
        torch.equal(a[0], b[0]) and a[0].stride() == b[0].stride() and torch.equal(a[1], b[1])
        for a, b in zip(one, other, strict=True)
    )


def test_images_in_files_are_the_same_data_as_in_memory(pets):
    memory, files = pets["memory"], pets["stream"]
    assert isinstance(memory.train, Images)
    assert isinstance(files.train, ImageFiles)
    assert files.fingerprint == memory.fingerprint
    assert (files.label, files.contract, files.class_names) == (
        memory.label,
        memory.contract,
        memory.class_names,
    )
    some = torch.tensor([3, 29, 4, 11])
    for mine, theirs in zip(vars_of(files, some), vars_of(memory, some), strict=True):
        assert torch.equal(mine, theirs)


def vars_of(dataset, indices):
    normalization = normalization_of(dataset.train, indices)
    return normalization.mean, normalization.std, dataset.train.labels, dataset.test.labels


def test_statistics_in_files_are_read_once(pets, tmp_path, monkeypatch):
    def never(*args, **options):
        raise AssertionError("read again")

    monkeypatch.setattr("cnnbuild.data.image_files.decode_noted", never)
    settings = DatasetSettings(name="image_folder", path="pets")
    again = load_dataset(settings, data_root=tmp_path, data="stream")
    assert torch.equal(again.train.sums, pets["stream"].train.sums)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_from_files_have_the_bits_of_those_from_memory(pets, channels_last, workers):
    normalization = normalization_of(pets["memory"].train, torch.arange(27))
    memory = BatchSource(pets["memory"].train, normalization, CPU, channels_last=channels_last)
    files = stream(pets["stream"].train, torch.arange(27), channels_last=channels_last, workers=workers)
    assert len(files) == len(memory) == 30
    assert torch.equal(files.labels, memory.labels)
    assert same(collect(files), collect(memory))
    assert same(collect(files, epoch=3), collect(memory, epoch=3))  # there are no transforms
    assert same([files.batch(LISTS[0])], [memory.batch(LISTS[0])])
    files.close()


def test_the_number_of_workers_and_the_company_in_a_batch_change_no_transformed_image(pets):
    both = transforms(JITTER, TURN)
    alone = stream(pets["memory"].train, transforms=both, seed=7, workers=0)
    expected = collect(alone, epoch=2)
    for workers, mode in ((1, "memory"), (2, "stream")):
        source = stream(pets[mode].train, transforms=both, seed=7, workers=workers)
        assert same(collect(source, epoch=2), expected)
        assert same(collect(source, epoch=2), expected)  # a second pass with the same workers
        source.close()
    others = [torch.tensor([0, 17, 9]), torch.tensor([5])]
    found = collect(alone, others, epoch=2)
    assert torch.equal(found[0][0][1], expected[0][0][2])  # image 17
    assert torch.equal(found[1][0][0], expected[0][0][0])  # image 5


def test_each_epoch_and_seed_transforms_otherwise_and_evaluation_not_at_all(pets):
    part = pets["memory"].train
    source = stream(part, transforms=transforms(JITTER), seed=7, workers=0)
    plain = collect(stream(part, workers=0))
    first, second = collect(source, epoch=1), collect(source, epoch=2)
    assert not same(first, second)
    assert not same(first, collect(stream(part, transforms=transforms(JITTER), seed=8, workers=0), epoch=1))
    assert same(collect(source), plain)
    assert same([source.batch(LISTS[0])], plain[:1])
    assert same(collect(source, epoch=1), first)


def test_torchs_own_generator_is_left_alone(pets):
    source = stream(pets["memory"].train, transforms=transforms(JITTER), workers=2)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    collect(source, epoch=1)
    source.workers = 0
    collect(source, epoch=1)
    assert torch.equal(torch.get_rng_state(), before)
    source.close()


def test_a_transform_does_what_torchvision_does(pets):
    part = pets["memory"].train
    source = stream(part, transforms=transforms({"transform": {"name": "RandomInvert", "p": 1.0}}), workers=0)
    normalization = normalization_of(part, torch.arange(30))
    (images, _), *_ = source.batches(LISTS, epoch=1)
    inverted = 255 - part.images[LISTS[0]].float()
    expected = (inverted - normalization.mean.view(1, 3, 1, 1)) / normalization.std.view(1, 3, 1, 1)
    torch.testing.assert_close(images, expected)
    assert torch.equal(part.images, pets["memory"].train.images)


def test_a_pass_that_is_given_up_and_two_at_once_read_the_right_images(pets):
    source = stream(pets["stream"].train, workers=1)
    expected = collect(stream(pets["stream"].train, workers=0))
    given_up = source.batches(LISTS)
    assert same(list(islice(given_up, 2)), expected[:2])
    given_up.close()
    first, second = source.batches(LISTS), source.batches(LISTS[::-1])
    pairs = list(zip(first, second, strict=True))
    assert same([pair[0] for pair in pairs], expected)
    assert same([pair[1] for pair in pairs], expected[::-1])
    source.close()


def test_nothing_is_left_in_shared_memory_and_no_process_stays(pets):
    shared = Path("/dev/shm")
    before = set(shared.iterdir()) if shared.is_dir() else set()
    others = children()  # such as a fork server that another test has started
    source = stream(pets["stream"].train, workers=2)
    during: set[Path] = set()
    for _ in source.batches(LISTS):
        workers = children() - others
        during |= (set(shared.iterdir()) if shared.is_dir() else set()) - before
    assert len(workers) == 2
    assert not [path for path in during if path.name.startswith("torch_")]
    source.close()
    assert children() <= others


def children():
    own = os.getpid()
    text = Path(f"/proc/{own}/task/{own}/children")
    if not text.is_file():
        pytest.skip("this system does not list a process's children")
    return set(text.read_text().split())


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_vanishes_is_named_without_a_trace_of_workers(pets, tmp_path, workers):
    gone = tmp_path / "pets" / "train" / "cat" / "03.png"
    gone.unlink()
    source = stream(pets["stream"].train, workers=workers)
    with pytest.raises(DataError) as refused:
        collect(source)
    assert str(refused.value).startswith(f"{gone} cannot be read as an image: ")
    assert "Traceback" not in str(refused.value)
    Image.new("RGB", (9, 9)).save(gone)
    with pytest.raises(DataError) as refused:
        collect(source)
    assert str(refused.value) == f"{gone} has changed while it was in use; start again"
    source.close()


def test_a_killed_worker_ends_the_run_with_a_reason(pets):
    source = stream(pets["stream"].train, workers=1)
    before = set(children())
    batches = source.batches(LISTS * 20)
    next(batches)
    (worker,) = set(children()) - before
    os.kill(int(worker), signal.SIGKILL)
    with pytest.raises(RunError, match=r"^a process that reads images has ended: "):
        list(batches)
    assert same(collect(source), collect(stream(pets["stream"].train, workers=0)))  # new ones start
    source.close()


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ({"name": "ColorJitter", "brigthness": 0.2}, "transform ColorJitter has no argument 'brigthness'; did you mean 'brightness'?"),
        ({"name": "ColorJitter", "brightness": -1}, "transform ColorJitter: If brightness is a single number, it must be non negative."),
        ({"name": "RandomHorizontalFlip", "p": 3}, "transform RandomHorizontalFlip: `p` should be a floating point value in the interval [0.0, 1.0]."),
        ({"name": "RandomRotation"}, "transform RandomRotation: "),
        ({"name": "RandomRotation", "degrees": 5, "interpolation": "cubic"}, "transform RandomRotation: interpolation is one of its modes, not 'cubic'; did you mean 'bicubic'?"),
        ({"name": "Resize", "size": 12}, "transform Resize makes uint8 3x12x16 of an image of uint8 3x6x8; the type and the shape have to stay"),
        ({"name": "Grayscale"}, "transform Grayscale makes uint8 1x6x8 of an image of uint8 3x6x8; the type and the shape have to stay"),
        ({"name": "RandomCrop", "size": 20}, "transform RandomCrop fails on an image of 3x6x8: "),
    ],
)  # fmt: skip
def test_a_faulty_transform_is_refused_before_training(transform, message):
    with pytest.raises(UsageError) as refused:
        transforms({"transform": transform})
    assert str(refused.value).startswith(message)
    assert str(refused.value) == message or message.endswith(": ")


def test_a_class_that_is_no_transform_is_refused():
    with pytest.raises(UsageError) as refused:
        make_transform("ColorJiter", {})
    assert (
        str(refused.value)
        == "transform: there is no 'ColorJiter' in torchvision. did you mean 'ColorJitter'?"
    )


def test_a_policy_is_a_word(pets):
    auto = transforms({"transform": {"name": "AutoAugment", "policy": "cifar10"}})
    assert collect(stream(pets["memory"].train, transforms=auto, workers=0), epoch=1)[0][0].shape == (
        3,
        3,
        6,
        8,
    )


def test_memory_or_stream_is_decided_in_one_place(pets, monkeypatch):
    memory, files = pets["memory"], pets["stream"]
    normalization = normalization_of(memory.train, torch.arange(30))

    def kind(part, **options):
        return type(make_source(part, normalization, CPU, channels_last=False, **options))

    assert kind(memory.train) is BatchSource
    assert kind(memory.train, data="stream") is StreamSource
    assert kind(memory.train, transforms=transforms(JITTER)) is StreamSource
    assert kind(files.train) is StreamSource
    for part, options in ((files.train, {}), (memory.train, {"transforms": transforms(JITTER)})):
        with pytest.raises(UsageError, match=r"^data: memory does not go with "):
            kind(part, data="memory", **options)
    monkeypatch.setattr("cnnbuild.data.sources.fits_on", lambda *_: False)
    assert kind(memory.train) is StreamSource
    assert kind(memory.train, data="memory") is BatchSource


def test_a_folder_too_large_for_memory_stays_in_its_files(tmp_path, monkeypatch):
    make_folder(tmp_path / "pets", per_class=2)
    settings = DatasetSettings(name="image_folder", path="pets", size=4, train_images=4)
    needed = 12 * 3 * 4 * 4  # 6 training and 6 test images
    monkeypatch.setattr("cnnbuild.data.space.available_memory", lambda: 4 * needed)
    small = load_dataset(settings, data_root=tmp_path)
    monkeypatch.setattr("cnnbuild.data.space.available_memory", lambda: 4 * needed - 1)
    large = load_dataset(settings, data_root=tmp_path)
    assert (type(small.train), type(large.train)) == (Images, ImageFiles)
    assert (len(large.train), large.train.shape) == (4, (3, 4, 4))
    for index in range(4):
        assert np.array_equal(large.train.read(index), small.train.images[index].numpy())


def test_cifar10_from_its_folder_streams_in_another_size_too(tmp_path):
    from cnnbuild.data.cifar10 import CLASSES as NAMES

    random = np.random.default_rng(0)
    for part in ("train", "test"):
        for name in NAMES:
            (tmp_path / "cifar10" / part / name).mkdir(parents=True)
            pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "cifar10" / part / name / "0.jpg")
    settings = DatasetSettings(name="cifar10", size=16)
    memory, files = (load_dataset(settings, data_root=tmp_path, data=mode) for mode in ("memory", "stream"))
    assert (files.fingerprint, files.label) == (memory.fingerprint, "CIFAR-10 (JPEG), 16x16")
    everything = torch.arange(10)
    one, other = (make_source(d.train, normalization_of(d.train, everything), CPU, channels_last=True) for d in (memory, files))  # fmt: skip
    assert torch.equal(one.batch(everything)[0], other.batch(everything)[0])


def small_network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.3),
        torch.nn.Flatten(),
        torch.nn.LazyLinear(3),
    )


def test_a_run_has_the_same_bits_from_memory_and_from_files(pets):
    augment = ["horizontal_flip", {"random_crop": {"padding": 1}}, {"cutout": {"size": 2}}, "mixup"]
    weights = []
    for mode, data in (("memory", pets["memory"]), ("stream", pets["memory"]), ("auto", pets["stream"])):
        module = small_network()
        module(torch.zeros(1, 3, 6, 8))
        module[0].weight.data.copy_(torch.linspace(-1, 1, 108).view(4, 3, 3, 3))
        settings = recipe(epochs=2, batch_size=8, data=mode, augment=augment, validation=0.2)
        record = fit(module, data, settings, seed=1)
        weights.append([record.epochs[-1].running_loss, record.test.loss, *module.state_dict().values()])
    for other in weights[1:]:
        for mine, theirs in zip(weights[0], other, strict=True):
            assert torch.equal(torch.as_tensor(mine), torch.as_tensor(theirs))


def test_the_run_takes_its_sources_from_its_recipe(pets):
    settings = recipe(augment=[JITTER], data="stream")
    train, test = make_sources(pets["memory"], torch.arange(20), settings, CPU, channels_last=True, seed=4)
    assert (type(train), type(test), len(train), len(test)) == (StreamSource, StreamSource, 30, 30)
    train, test = make_sources(pets["memory"], torch.arange(20), recipe(), CPU, channels_last=True, seed=4)
    assert (type(train), type(test)) == (BatchSource, BatchSource)


def test_an_epoch_that_goes_on_in_the_middle_has_the_same_images(pets):
    source = stream(pets["memory"].train, transforms=transforms(JITTER), seed=3, workers=0)
    assert same(collect(source, LISTS[2:], epoch=4), collect(source, epoch=4)[2:])


def _read_for_ever(connection):
    part = Images(torch.zeros(200, 3, 64, 64, dtype=torch.uint8), torch.arange(200) % 2)
    source = stream(part, workers=1)
    batches = source.batches(list(torch.arange(200).split(20)))
    next(batches)
    connection.send(children())
    time.sleep(120)


def test_workers_end_with_a_killed_run_even_when_nobody_reads_their_batches():
    if not Path("/proc/self").exists():
        pytest.skip("this system does not list processes")
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    run = context.Process(target=_read_for_ever, args=(there,))
    run.start()
    (worker,) = here.recv()
    time.sleep(0.2)  # the pipe of the worker is full by now: a batch has 245,760 bytes
    assert Path("/proc", worker).exists()
    run.kill()
    run.join()
    until = time.monotonic() + 30
    while Path("/proc", worker).exists() and _state(worker) != "Z" and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path("/proc", worker).exists() or _state(worker) == "Z"


def _state(process: str) -> str:
    try:
        return Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
