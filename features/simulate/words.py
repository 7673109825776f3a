"""What the made-up customers write, and how it is truly meant: from very upset to delighted."""

from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TOPICS = ("my order", "the delivery", "the invoice", "my account", "the app", "a return")

TICKET_TEXTS = (
    (
        "Could you tell me how {topic} works? Thank you, I like shopping with you.",
        "A quick question about {topic}. The last time you were wonderful, thanks again.",
        "Please change the address for {topic}. Thanks for the kind help.",
        "I would like some advice about {topic}, it has been great so far.",
    ),
    (
        "I have a question about {topic}. When will I hear back?",
        "Something about {topic} does not look right, can you check?",
        "I could not find {topic} on the site. Where do I look?",
        "Can you send me the details of {topic} once more?",
    ),
    (
        "I am really frustrated with {topic}. This is the second time and nobody helps.",
        "Very disappointed. {topic} is wrong again and I need a refund.",
        "This is terrible. I waited for hours because of {topic} and no one answered.",
        "I am upset about {topic}. The problem is still there and I am losing patience.",
    ),
)

_FEELINGS = (
    *(("wonderful", 0.8), ("great", 0.7), ("good", 0.5), ("fine", 0.25)),
    *(("slow", -0.25), ("bad", -0.6), ("annoying", -0.5), ("terrible", -0.8)),
)
_DEGREES = (("", 1.0), ("really ", 1.25), ("a little ", 0.6))
_NOT = -0.5
"""What a negation makes of a feeling: "not good" is half as bad as "bad" is."""
_FRAMES = (
    "About {topic}: it is {feeling}.",
    "{topic} was {feeling} this time.",
    "I find {topic} {feeling} so far.",
)
_EMOJI = (("", 0.0), (" 🙂", 0.15), (" 😡", -0.2))


class GradedTexts(NamedTuple):
    """Texts `(k,)` with how they are truly meant `(k,)`, -1 to 1, in ascending order of that."""

    text: NDArray[np.object_]
    meant: NDArray[np.float64]

    def pick(self, meant: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Choose for each wish `(n,)` one of the texts closest to it; gives their places `(n,)`."""
        near = np.searchsorted(self.meant, meant) + rng.integers(-20, 21, len(meant))
        found: NDArray[np.int64] = np.clip(near, 0, len(self.text) - 1)
        return found


@cache
def graded_texts() -> GradedTexts:
    """Every sentence that the grammar makes: feeling × degree × negation × frame × emoji × topic.

    What is meant is feeling · degree · (−0.5 where negated) + emoji, and 0 for plain questions.
    """
    made = [(question.format(topic=topic), 0.0) for question in TICKET_TEXTS[1] for topic in TOPICS]
    for (word, feeling), (degree, times), negated, frame, (face, extra), topic in product(
        _FEELINGS, _DEGREES, (False, True), _FRAMES, _EMOJI, TOPICS
    ):
        meant = feeling * times * (_NOT if negated else 1.0)
        if extra * meant < 0:
            continue  # nobody here smiles at what annoys them
        said = frame.format(topic=topic, feeling=("not " if negated else "") + degree + word)
        made.append((said[0].upper() + said[1:] + face, float(np.clip(meant + extra, -1, 1))))
    made.sort(key=lambda each: (each[1], each[0]))
    return GradedTexts(
        np.array([text for text, _ in made], np.object_), np.array([m for _, m in made])
    )
