"""What words of a message are refused for, and where their links lead."""

import pytest

from serving.interventions.playbooks.wording import Words, links_elsewhere, wording_problems

OWN = ["tea.example"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('see <a href="https://tea.example">this</a>', "markup"),
        ("<script>x", "markup"),
        ("</p>", "markup"),
        ("&#60;b&#62;", "markup"),
        ("la\u200bst chance", "nobody sees"),
        ("\u200ehello", "nobody sees"),
        ("hello\u200f", "nobody sees"),
        ("la\u200dst", "nobody sees"),
        ("hello\U000e0041", "nobody sees"),
    ],
)
def test_markup_and_hidden_letters_are_refused(body: str, problem: str) -> None:
    assert problem in " ".join(wording_problems(Words("hello", body)))


@pytest.mark.parametrize(
    "body",
    ["5 < 7 and 7 > 5", "we <3 tea", "R&D; Q&A", "a family 👨\u200d👩\u200d👧", "می\u200cخواهم"],
)
def test_plain_text_of_any_script_may_go_out(body: str) -> None:
    assert wording_problems(Words("hello", body)) == []


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("https://tea.example/help and https://shop.tea.example", ()),
        ("write to help@tea.example, z.Hd. Frau Kim, i.e. us", ()),
        ("https://evil.example/pay", ("evil.example",)),
        ("HTTPS://EVIL.example", ("evil.example",)),
        ("//evil.example", ("evil.example",)),
        ("www.evil.example", ("www.evil.example",)),
        ("go to evil.com now", ("evil.com",)),
        ("go to evil.travel/x", ("evil.travel",)),
        ("https://tea.example@evil.com/", ("evil.com",)),
        (r"https://evil.com\@tea.example", ("evil.com",)),
        ("https://nottea.example", ("nottea.example",)),
        ("https://tea.example.evil.com", ("tea.example.evil.com",)),
    ],
)
def test_links_that_lead_elsewhere_are_found(text: str, hosts: tuple[str, ...]) -> None:
    assert links_elsewhere([text], OWN) == hosts
