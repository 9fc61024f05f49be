//! The kinds of misbehaviour, and their names.

macro_rules! modes {
    ($($name:ident $word:literal $about:literal;)*) => {
        /// A kind of misbehaviour.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Mode {
            $(#[doc = $about] $name,)*
        }

        impl Mode {
            /// All there are.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns its name, which fits into an id.
            pub(crate) const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// Returns what it does.
            pub(crate) const fn about(self) -> &'static str {
                match self { $(Self::$name => $about),* }
            }
        }
    };
}

modes! {
    Polite "polite" "behaves; what the others are compared with";
    NoHandshake "no_handshake" "never answers initialize";
    WrongVersion "wrong_version" "speaks protocol 99";
    Undeclared "undeclared" "provides a command that its manifest does not name";
    ProvidesLess "provides_less" "provides nothing of what its manifest names";
    CrashAtStart "crash_at_start" "ends with 3 before the handshake";
    ExitLoop "exit_loop" "ends with 1 right after every handshake";
    BadConfig "bad_config" "finds a fault in any settings";
    Garbage "garbage" "writes broken JSON and bytes that are no UTF-8 between its messages";
    Prints "prints" "prints for people on stdout between its messages";
    LongLine "long_line" "writes a line of 2 MiB when it is asked for work";
    SeqGap "seq_gap" "tells events 1 and 3";
    EventAfterEnd "event_after_end" "tells an event after the run's end, and answers a call twice";
    IgnoresCancel "ignores_cancel" "never ends its work or itself, whatever it is told, and does not die of SIGTERM";
    Crash "crash" "ends with 7 in the middle of its work";
    Grandchild "grandchild" "leaves a process behind, in a session of its own, that does not die of SIGTERM";
    Slow "slow" "takes NUMBER ms (3000) for every answer after the handshake";
    Hog "hog" "takes NUMBER MiB (1100) of memory when it is called, and goes on working; has no engine";
    Flood "flood" "tells NUMBER (20000) events as fast as it can; in a call as many lines for the log";
}

impl Mode {
    /// Returns the mode of a name.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| mode.word() == word)
    }

    /// Returns the id of its engine.
    pub(crate) fn engine(self) -> String {
        format!("rude_{}", self.word())
    }

    /// Returns the id of its command; no command may be called like an engine.
    pub(crate) fn command(self) -> String {
        format!("do_{}", self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_fits_into_an_id_and_is_found_again() {
        for mode in Mode::ALL {
            assert_eq!(Mode::parse(mode.word()), Some(*mode));
            let is_id =
                |id: String| id.len() <= 32 && id.bytes().all(|b| b == b'_' || b.is_ascii_lowercase());
            assert!(is_id(mode.engine()) && is_id(mode.command()), "{mode:?}");
        }
        assert_eq!(Mode::parse("nice"), None);
    }
}
