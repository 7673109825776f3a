"""What the made-up customers write to the made-up help desk, from calm to upset."""

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
