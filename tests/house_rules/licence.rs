//! Reads SPDX licence expressions, as far as manifests use them: `OR`, `AND`, `WITH`, brackets, and the older `/`.
//!
//! It never judges a licence: the list of allowed ones comes in.

use std::iter::Peekable;
use std::vec::IntoIter;

/// Tells whether the expression can be met with allowed licences alone; `None` when it cannot be read.
pub(crate) fn allows(expression: &str, allowed: &[&str]) -> Option<bool> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<String> = spaced.split_whitespace().map(str::to_owned).collect();
    let mut reader = Reader { words: words.into_iter().peekable(), allowed };
    let verdict = reader.any()?;
    reader.words.next().is_none().then_some(verdict)
}

struct Reader<'a> {
    words: Peekable<IntoIter<String>>,
    allowed: &'a [&'a str],
}

impl Reader<'_> {
    fn any(&mut self) -> Option<bool> {
        let mut verdict = self.all()?;
        while self.take("OR") {
            verdict |= self.all()?;
        }
        Some(verdict)
    }

    fn all(&mut self) -> Option<bool> {
        let mut verdict = self.one()?;
        while self.take("AND") {
            verdict &= self.one()?;
        }
        Some(verdict)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let verdict = self.any()?;
            return self.take(")").then_some(verdict);
        }
        let mut licence = self.words.next_if(|word| !["OR", "AND", "WITH", ")"].contains(&word.as_str()))?;
        if self.take("WITH") {
            licence = format!("{licence} WITH {}", self.words.next()?);
        }
        Some(self.allowed.contains(&licence.as_str()))
    }

    fn take(&mut self, wanted: &str) -> bool {
        self.words.next_if(|word| word == wanted).is_some()
    }
}

#[test]
fn expressions_are_read_by_precedence() {
    let allowed = ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"];
    for (expression, verdict) in [
        ("MIT", Some(true)),
        ("GPL-3.0-only", Some(false)),
        ("MIT/GPL-3.0-only", Some(true)),
        ("GPL-3.0-only OR MIT", Some(true)),
        ("MIT AND GPL-3.0-only", Some(false)),
        ("MIT OR GPL-3.0-only AND GPL-2.0-only", Some(true)),
        ("(MIT OR GPL-3.0-only) AND GPL-2.0-only", Some(false)),
        ("(MIT OR GPL-3.0-only) AND Zlib", Some(true)),
        ("Apache-2.0", Some(false)),
        ("Apache-2.0 WITH LLVM-exception", Some(true)),
        ("", None),
        ("MIT OR", None),
        ("(MIT", None),
        ("MIT Zlib", None),
    ] {
        assert_eq!(allows(expression, &allowed), verdict, "{expression}");
    }
}
