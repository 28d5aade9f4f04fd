"""What is wrong with a picture, measured on the scene: overlaps, texts that stick out, edges through boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, pairwise

from cnnbuild.graph.views.picture.scene import Box, Edge, Frame, Scene, Text
from cnnbuild.graph.views.picture.text_width import text_width

Rectangle = tuple[float, float, float, float]  # left, top, right, bottom
Width = Callable[[Text], float]
SLACK = 0.51  # px


def by_table(text: Text) -> float:
    return text_width(text.text, text.size, text.weight)


def rectangle(thing: Box | Frame) -> Rectangle:
    return thing.x, thing.y, thing.x + thing.width, thing.y + thing.height


def text_rectangle(text: Text, width: Width = by_table) -> Rectangle:
    wide = width(text)
    left = text.x - {"start": 0.0, "middle": wide / 2, "end": wide}[text.anchor]
    return left, text.y - 0.74 * text.size, left + wide, text.y + 0.22 * text.size


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] - SLACK and b[0] < a[2] - SLACK and a[1] < b[3] - SLACK and b[1] < a[3] - SLACK


def inside(inner: Rectangle, outer: Rectangle) -> bool:
    return (
        inner[0] >= outer[0] - SLACK
        and inner[1] >= outer[1] - SLACK
        and inner[2] <= outer[2] + SLACK
        and inner[3] <= outer[3] + SLACK
    )


def segments(edge: Edge) -> Iterator[Rectangle]:
    for (x0, y0), (x1, y1) in pairwise(edge.points):
        yield min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def crosses(segment: Rectangle, box: Rectangle) -> bool:
    """Whether a horizontal or vertical line has points inside a rectangle."""
    return (
        segment[0] < box[2] - SLACK
        and segment[2] > box[0] + SLACK
        and segment[1] < box[3] - SLACK
        and segment[3] > box[1] + SLACK
    )


def faults(scene: Scene, width: Width = by_table) -> list[str]:
    return [
        *box_faults(scene),
        *text_faults(scene, width),
        *edge_faults(scene, width),
        *canvas_faults(scene, width),
    ]


def box_faults(scene: Scene) -> Iterator[str]:
    ordered = sorted(scene.boxes, key=lambda box: box.y)
    for at, box in enumerate(ordered):
        for other in ordered[at + 1 :]:
            if other.y >= box.y + box.height:
                break
            if overlap(rectangle(box), rectangle(other)):
                yield f"boxes {box.number} and {other.number} overlap"
    for frame in scene.frames:
        for box in scene.boxes:
            within = rectangle(box), rectangle(frame)
            if overlap(*within) and not inside(*within):
                yield f"box {box.number} crosses a frame"
    for frame, other in combinations(scene.frames, 2):
        a, b = rectangle(frame), rectangle(other)
        if overlap(a, b) and not inside(a, b) and not inside(b, a):
            yield f"frames {frame.texts[0].text} and {other.texts[0].text} overlap"


def text_faults(scene: Scene, width: Width) -> Iterator[str]:
    for box in scene.boxes:
        for text in box.texts:
            if not inside(text_rectangle(text, width), rectangle(box)):
                yield f"text '{text.text}' leaves box {box.number}"
            if text.size < 11:
                yield f"text '{text.text}' is too small"
        for a, b in combinations(box.texts, 2):
            if overlap(text_rectangle(a, width), text_rectangle(b, width)):
                yield f"texts '{a.text}' and '{b.text}' overlap"
    headers = [(frame, text) for frame in scene.frames for text in frame.texts]
    for frame, text in headers:
        place = text_rectangle(text, width)
        if not inside(place, rectangle(frame)):
            yield f"header '{text.text}' leaves its frame"
        if any(overlap(place, rectangle(box)) for box in scene.boxes):
            yield f"header '{text.text}' lies under a box"
        for other in scene.frames:
            if (
                other is not frame
                and overlap(place, rectangle(other))
                and not inside(place, rectangle(other))
            ):
                yield f"header '{text.text}' crosses a frame"
    loose = [text for _, text in headers] + list(scene.texts)
    ordered = sorted(loose, key=lambda text: text.y)
    for at, text in enumerate(ordered):
        for other_text in ordered[at + 1 :]:
            if other_text.y > text.y + 30:
                break
            if overlap(text_rectangle(text, width), text_rectangle(other_text, width)):
                yield f"texts '{text.text}' and '{other_text.text}' overlap"


def edge_faults(scene: Scene, width: Width) -> Iterator[str]:
    boxes = {box.number: box for box in scene.boxes}
    texts = [text for frame in scene.frames for text in frame.texts] + list(scene.texts)
    words = [(text.text, text_rectangle(text, width)) for text in texts]
    for edge in scene.edges:
        name = f"edge {edge.source}-{edge.target}"
        if not touches(edge.points[0], boxes[edge.source]) or not touches(
            edge.points[-1], boxes[edge.target]
        ):
            yield f"{name} does not join its boxes"
        for segment in segments(edge):
            if segment[0] != segment[2] and segment[1] != segment[3]:
                yield f"{name} is neither upright nor level"
            for box in scene.boxes:
                if crosses(segment, rectangle(box)):
                    yield f"{name} passes through box {box.number}"
            for word, place in words:
                if crosses(segment, place):
                    yield f"{name} crosses the text '{word}'"


def touches(point: tuple[float, float], box: Box) -> bool:
    left, top, right, bottom = rectangle(box)
    upright = abs(point[0] - left) < SLACK or abs(point[0] - right) < SLACK
    level = abs(point[1] - top) < SLACK or abs(point[1] - bottom) < SLACK
    return (upright and top <= point[1] <= bottom) or (level and left <= point[0] <= right)


def canvas_faults(scene: Scene, width: Width) -> Iterator[str]:
    page = (0.0, 0.0, scene.width, scene.height)
    things = [(f"box {box.number}", rectangle(box)) for box in scene.boxes]
    things += [("frame", rectangle(frame)) for frame in scene.frames]
    things += [(f"text '{text.text}'", text_rectangle(text, width)) for text in scene.texts]
    things += [(f"edge {edge.source}-{edge.target}", part) for edge in scene.edges for part in segments(edge)]
    things += [("swatch", (s.x, s.y, s.x + s.width, s.y + s.height)) for s in scene.swatches]
    for name, place in things:
        if not inside(place, page):
            yield f"{name} leaves the page"


def lines_upon_each_other(scene: Scene) -> list[str]:
    """Stretches that edges of different sources share, longer than a few px: no reader could tell them apart."""
    upright: dict[tuple[bool, float], list[tuple[float, float, int]]] = {}
    for edge in scene.edges:
        for x0, y0, x1, y1 in segments(edge):
            key, span = ((True, x0), (y0, y1)) if x0 == x1 else ((False, y0), (x0, x1))
            upright.setdefault(key, []).append((*span, edge.source))
    found = []
    for (is_upright, place), spans in upright.items():
        for (a0, a1, one), (b0, b1, other) in combinations(sorted(set(spans)), 2):
            if one != other and min(a1, b1) - max(a0, b0) > 3:
                found.append(f"edges of {one} and {other} lie upon each other at {place} {is_upright}")
    return found
