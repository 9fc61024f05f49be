//! Raw HTML in an answer: links and pictures become what a chat can show, the tags of layout go, and what only looks
//! like a tag (`Vec<String>`) stays text.

/// A piece of raw HTML.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// What is to be read.
    Text(&'a str),
    /// A line ends.
    LineBreak,
    /// A picture.
    Image {
        /// Where it lies.
        source: String,
        /// What it shows.
        label: String,
    },
    /// A link to there begins; empty where it leads nowhere.
    Anchor(String),
    /// A link ends.
    AnchorEnd,
}

/// The tags that only say how something looks.
const LAYOUT: [&str; 48] = [
    "abbr",
    "article",
    "b",
    "big",
    "blockquote",
    "body",
    "center",
    "cite",
    "code",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "font",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "i",
    "ins",
    "kbd",
    "li",
    "main",
    "mark",
    "ol",
    "p",
    "picture",
    "pre",
    "s",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "u",
    "ul",
];

/// The tags of a table.
const TABLE: [&str; 7] = ["table", "tbody", "td", "tfoot", "th", "thead", "tr"];

/// Returns the pieces of raw HTML.
pub(super) fn pieces(html: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        if !before.is_empty() {
            out.push(Piece::Text(before));
        }
        let known = from.find('>').and_then(|end| Some((tag(from.get(1..end)?)?, from.get(end + 1..)?)));
        if let Some(comment) = from.strip_prefix("<!--").and_then(|rest| rest.split_once("-->")) {
            rest = comment.1;
        } else if let Some((piece, after)) = known {
            out.extend(piece);
            rest = after;
        } else {
            let next = from.get(1..).and_then(|rest| rest.find('<')).map_or(from.len(), |next| next + 1);
            let (text, after) = from.split_at(next);
            out.push(Piece::Text(text));
            rest = after;
        }
    }
    if !rest.is_empty() {
        out.push(Piece::Text(rest));
    }
    out
}

/// Reads what stands between angle brackets; `None` where it is no tag that is known.
fn tag(inner: &str) -> Option<Option<Piece<'static>>> {
    let (closing, inner) = inner.strip_prefix('/').map_or((false, inner), |inner| (true, inner));
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inner.len());
    let (name, attributes) = inner.split_at(end);
    match name.to_ascii_lowercase().as_str() {
        "br" | "hr" => Some(Some(Piece::LineBreak)),
        "a" if closing => Some(Some(Piece::AnchorEnd)),
        "a" => Some(Some(Piece::Anchor(attribute(attributes, "href").unwrap_or_default()))),
        "img" => {
            let source = attribute(attributes, "src")?;
            Some(Some(Piece::Image { source, label: attribute(attributes, "alt").unwrap_or_default() }))
        }
        name if LAYOUT.contains(&name) || TABLE.contains(&name) => Some(None),
        _ => None,
    }
}

/// Returns the value of an attribute in quotes.
fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes;
    while let Some((before, after)) = rest.split_once('=') {
        let quote = after.trim_start().chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, later) = after.trim_start().strip_prefix(quote)?.split_once(quote)?;
        if before.trim().eq_ignore_ascii_case(name) {
            return Some(value.replace("&amp;", "&"));
        }
        rest = later;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_pictures_are_found_and_layout_goes() {
        let image = Piece::Image { source: "https://a.b/c.png?x&y".to_owned(), label: "A cat".to_owned() };
        assert_eq!(pieces("<img alt='A cat' src=\"https://a.b/c.png?x&amp;y\" />"), [image]);
        assert_eq!(
            pieces("<p align=\"center\">a<br/>b</p><!-- gone --><a href='https://a.b'>c</a>"),
            [
                Piece::Text("a"),
                Piece::LineBreak,
                Piece::Text("b"),
                Piece::Anchor("https://a.b".to_owned()),
                Piece::Text("c"),
                Piece::AnchorEnd
            ]
        );
    }

    #[test]
    fn what_only_looks_like_a_tag_stays() {
        for text in ["<String>", "a < b", "<T, U>", "<img>", "<!-- open"] {
            let read: String = pieces(text)
                .into_iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text,
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(read, text);
        }
    }
}
