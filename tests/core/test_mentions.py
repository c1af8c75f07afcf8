"""What texts name, and text made into HTML: the cases that regular expressions get wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apserver.core import limits
from apserver.core.hashtags import fold_tag
from apserver.core.html import Markup
from apserver.core.mentions import Links, linked, named_in
from apserver.core.text import change_text, excerpt, html_of
from apserver.errors import BadInput


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("@ann", ("ann",)),
        ("hi @Ann, (@bob) @ann.", ("ann", "bob")),
        ("@a.b-c@far.example.", ("a.b-c@far.example",)),
        ("@bob@far.example:8080/x", ("bob@far.example:8080",)),
        (
            "@bob@xn--bcher-kva.example @bob@bücher.example",
            ("bob@xn--bcher-kva.example", "bob@bücher.example"),
        ),
        ("ann@far.example https://far.example/@ann a/@ann @@ann", ()),
        ("@annä @ @- @é", ()),
        ("<a href='https://x.example'>@ann</a> <b title=\"@bob\">x</b>", ()),
        ("<pre><code>@ann</code></pre> <code>@bob</code> @carol", ("carol",)),
        ("<p>@ann</p><p>@bob</p>", ("ann", "bob")),
    ],
)
def test_IO_55_mentions(text: str, mentions: tuple[str, ...]) -> None:
    assert named_in([text]).mentions == mentions


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("#Tea, #tea! (#TÉA)", ("tea",)),
        ("#1 #_ #1st a#b /#c https://x.example/#d &#39; &amp;#x", ("1st", "x")),
        ("#straße #łódź #ガラス #ｶﾞﾗｽ #हिन्दी #ไทย", ("straße", "lodz", "ガラス", "हिन्दी", "ไทย")),
        ("#İstanbul #istanbul #e\u0301\u0301 #x\u0302y", ("istanbul", "e", "xy")),
        (f"#{'a' * (limits.HASHTAG + 1)}", ()),
        ("<code>#no</code><a>#no</a>", ()),
    ],
)
def test_IO_55_hashtags(text: str, tags: tuple[str, ...]) -> None:
    assert named_in([text]).tags == tags


@given(st.text())
def test_IO_55_a_folded_hashtag_stays_as_it_is(text: str) -> None:
    once = fold_tag(text)
    assert fold_tag(once) == once


@given(st.text(alphabet="@#ab.é-:/ <>&;\"'p=1", max_size=60))
def test_IO_77_links_are_clean(text: str) -> None:
    """IO-77: what was clean is so with links, and they are as cleaning leaves them."""
    clean = Markup().html(f"<p>{text}</p>")
    named = named_in([clean])
    links = Links(
        dict.fromkeys(named.mentions, 'https://x.example/?a=1&b="<'),
        dict.fromkeys(named.tags, "https://x.example/t"),
    )
    made = linked(clean, links, markup=Markup())
    assert Markup().html(made) == made


def test_IO_77_links_are_no_way_in() -> None:
    """IO-77: a client may say where its tags lead."""
    links = Links({"ann": 'https://x/"><script>'}, {"tea": "javascript:alert(1)"})
    made = linked("@ann #tea", links, markup=Markup())
    assert "<script" not in made
    assert "javascript:" not in made


def test_IO_56_a_text_of_nothing_but_names_is_refused() -> None:
    """IO-56: its links would be more than anybody takes."""
    with pytest.raises(BadInput):
        linked("#tea " * 5_000, Links({}, {"tea": "https://x/"}), markup=Markup(strict=True))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a\n\n\n \nb", "<p>a</p><p>b</p>"),
        ("a\r\nb", "<p>a<br>b</p>"),
        ("\n \n", ""),
        ("<https://a.example/?x=1&y=2>.", '<p>&lt;<a href="https://a.example/?x=1&amp;y=2">https://a.example/?x=1&amp;y=2</a>&gt;.</p>'),
        ('"https://a.example"', '<p>"<a href="https://a.example">https://a.example</a>"</p>'),
    ],
)  # fmt: skip
def test_AP_SRC_01_plain_text(text: str, html: str) -> None:
    assert html_of(text, "text/plain") == html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("see https://a.example/x.", '<p>see <a href="https://a.example/x">https://a.example/x</a>.</p>'),
        ("[a](https://a.example)", '<p><a href="https://a.example">a</a></p>'),
        ("`https://a.example`", "<p><code>https://a.example</code></p>"),
        ("~~no~~ <i>x</i>", "<p><s>no</s> &lt;i&gt;x&lt;/i&gt;</p>"),
    ],
)  # fmt: skip
def test_AP_SRC_01_markdown(text: str, html: str) -> None:
    assert html_of(text, "text/markdown") == html


@given(st.text(alphabet="*_`[]()!<>&#-1.~\\ \n\"'ab", max_size=200))
def test_AP_SRC_01_all_markdown_can_be_read(text: str) -> None:
    """Nothing that is typed is an error, or HTML of its own."""
    made = html_of(text, "text/markdown")
    assert made is not None
    assert change_text(made, lambda part: part) == made


def test_IO_61_the_beginning_of_a_text() -> None:
    assert excerpt("<p>a &lt;b&gt;</p><ul><li>c</li></ul>") == "a &lt;b&gt; c"
    long = excerpt(f"<p>{'x' * 1000}</p>")
    assert long == "x" * limits.EXCERPT + "…"
