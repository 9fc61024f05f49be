//! Reading a command line by a table of what the CLI knows. What it doesn't know is an error. Pure.

/// What an option takes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Value,
    /// Every word up to the next option.
    Values,
}

/// The options of a command: their names, the first of which is what they are asked for by.
pub(super) type Table = &'static [(&'static [&'static str], Takes)];

/// What stood on a command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Options {
    given: Vec<(&'static str, String)>,
    pub(super) words: Vec<String>,
    /// What stood behind the first word, when reading stopped there.
    pub(super) rest: Vec<String>,
}

/// What is wrong with a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    Unknown(String),
    NoValue(String),
}

impl Options {
    /// Reads `line`; with `to_first_word` only up to its first word that is no option.
    pub(super) fn read(table: Table, line: &[String], to_first_word: bool) -> Result<Self, Wrong> {
        let mut options = Self::default();
        let mut left = line.iter();
        while let Some(word) = left.next() {
            if word == "--" {
                options.words.extend(left.cloned());
                break;
            }
            if word == "-" || !word.starts_with('-') {
                options.words.push(word.clone());
                if to_first_word {
                    options.rest = left.cloned().collect();
                    break;
                }
                continue;
            }
            let (name, glued) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            let known = table.iter().find(|(names, _)| names.contains(&name));
            let (names, takes) = known.ok_or_else(|| Wrong::Unknown(word.clone()))?;
            let Some(first) = names.first() else { continue };
            match (takes, glued) {
                (Takes::Nothing, None) => options.given.push((first, String::new())),
                (Takes::Nothing, Some(_)) => return Err(Wrong::Unknown(word.clone())),
                (_, Some(value)) => options.given.push((first, value)),
                (Takes::Value, None) => {
                    let value = left.next().ok_or_else(|| Wrong::NoValue(word.clone()))?;
                    options.given.push((first, value.clone()));
                }
                (Takes::Values, None) => {
                    while let Some(value) = left.as_slice().first().filter(|value| !value.starts_with('-')) {
                        options.given.push((first, value.clone()));
                        left.next();
                    }
                }
            }
        }
        Ok(options)
    }

    /// Tells whether an option was given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns what was given last.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.given.iter().rfind(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// Returns all that was given.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.given.iter().filter(move |(given, _)| *given == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table =
        &[(&["--model", "-m"], Takes::Value), (&["--tools"], Takes::Values), (&["--json"], Takes::Nothing)];

    fn read(line: &str) -> Result<Options, Wrong> {
        let line: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Options::read(TABLE, &line, false)
    }

    #[test]
    fn values_stand_behind_or_are_glued() {
        let options = read("-m one --model=two --json - word").unwrap();
        assert_eq!((options.get("--model"), options.has("--json")), (Some("two"), true));
        assert_eq!(options.words, ["-", "word"]);
    }

    #[test]
    fn an_option_with_several_values_swallows_the_words_behind_it() {
        let options = read("--tools a,b prompt --json").unwrap();
        assert_eq!(options.all("--tools").collect::<Vec<_>>(), ["a,b", "prompt"]);
        assert!(options.words.is_empty());
        assert_eq!(read("--tools a -- --not-an-option").unwrap().words, ["--not-an-option"]);
    }

    #[test]
    fn what_is_not_known_is_wrong() {
        assert_eq!(read("--jsn"), Err(Wrong::Unknown("--jsn".to_owned())));
        assert_eq!(read("--json=yes"), Err(Wrong::Unknown("--json=yes".to_owned())));
        assert_eq!(read("--model"), Err(Wrong::NoValue("--model".to_owned())));
    }
}
