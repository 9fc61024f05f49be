//! Reads `/proc`: who lives, who is whose child, who carries which variable. Never signals; that is [`crate::tree`].
//!
//! Everything here may be stale when it returns. Callers look again after acting. Without `/proc` every answer is empty.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::Identity;

/// A `/proc` file system.
#[derive(Clone, Debug)]
pub(crate) struct Proc {
    root: PathBuf,
}

/// What `/proc/<pid>/stat` says, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) identity: Identity,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    /// It has ended and waits to be reaped.
    pub(crate) dead: bool,
}

impl Stat {
    /// Parses a line of proc(5); the name, in parentheses, may hold anything.
    fn parse(line: &str) -> Option<Self> {
        let pid = line.split_once(' ')?.0.parse().ok()?;
        let fields: Vec<_> = line.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        // proc(5) counts from 1 and the state is field 3.
        let field = |number: usize| fields.get(number - 3).copied();
        // A thread group whose first thread has exited shows as a zombie too, but lives.
        let dead = matches!(field(3)?, "Z" | "X") && matches!(field(20)?, "0" | "1");
        let identity = Identity::new(pid, field(22)?.parse().ok()?);
        Some(Self { identity, parent: field(4)?.parse().ok()?, group: field(5)?.parse().ok()?, dead })
    }
}

impl Proc {
    /// The running system's.
    pub(crate) fn system() -> Self {
        Self { root: PathBuf::from("/proc") }
    }

    pub(crate) fn stat(&self, pid: u32) -> Option<Stat> {
        let bytes = fs::read(self.root.join(format!("{pid}/stat"))).ok()?;
        Stat::parse(&String::from_utf8_lossy(&bytes))
    }

    /// Returns every process there is.
    pub(crate) fn all(&self) -> Vec<Stat> {
        let Ok(entries) = fs::read_dir(&self.root) else { return Vec::new() };
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid| self.stat(pid)).collect()
    }

    /// Returns the children of `pid` from `task/*/children`, `None` where the kernel doesn't have these files.
    pub(crate) fn children(&self, pid: u32) -> Option<Vec<Stat>> {
        let mut children = Vec::new();
        let Ok(threads) = fs::read_dir(self.root.join(format!("{pid}/task"))) else { return Some(children) };
        for thread in threads.flatten() {
            match fs::read_to_string(thread.path().join("children")) {
                Ok(list) => {
                    let pids = list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok());
                    children.extend(pids.filter_map(|pid| self.stat(pid)));
                }
                // The thread itself may be gone by now; only a living one without the file tells about the kernel.
                Err(_) if thread.path().exists() => return None,
                Err(_) => {}
            }
        }
        Some(children)
    }

    /// Returns the children of this process that have ended and wait to be reaped.
    pub(crate) fn dead_children(&self) -> Vec<Identity> {
        let own = std::process::id();
        let children = self.children(own).unwrap_or_else(|| {
            let mut all = self.all();
            all.retain(|stat| stat.parent == own);
            all
        });
        children.into_iter().filter(|stat| stat.dead).map(|stat| stat.identity).collect()
    }

    /// Tells whether the environment `pid` was started with holds `entry`, `NAME=value`. Only for our own user's
    /// processes: another user could pretend.
    pub(crate) fn environment_has(&self, pid: u32, entry: &[u8]) -> bool {
        let dir = self.root.join(pid.to_string());
        let ours = || fs::metadata(&dir).is_ok_and(|meta| meta.uid() == rustix::process::geteuid().as_raw());
        let has = |bytes: Vec<u8>| bytes.split(|byte| *byte == 0).any(|variable| variable == entry);
        ours() && fs::read(dir.join("environ")).is_ok_and(has)
    }

    /// Returns the value of the variable `name` in the environment that `pid` was started with.
    pub(crate) fn variable(&self, pid: u32, name: &str) -> Option<String> {
        let bytes = fs::read(self.root.join(format!("{pid}/environ"))).ok()?;
        let prefix = format!("{name}=").into_bytes();
        let value =
            bytes.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(prefix.as_slice()))?;
        String::from_utf8(value.to_vec()).ok()
    }

    /// Tells whether `pid` shows neither variables nor arguments. A process does that for the moment in which it becomes
    /// another program, and threads of the kernel always do.
    pub(crate) fn is_veiled(&self, pid: u32) -> bool {
        let dir = self.root.join(pid.to_string());
        let is_empty = |name| fs::read(dir.join(name)).is_ok_and(|bytes| bytes.is_empty());
        is_empty("environ") && is_empty("cmdline")
    }

    /// Returns the command line, its arguments joined by blanks and cut at `max_chars` with an ellipsis.
    pub(crate) fn command_line(&self, pid: u32, max_chars: usize) -> String {
        let bytes = fs::read(self.root.join(format!("{pid}/cmdline"))).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let text: String =
            text.trim_end_matches('\0').chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        match text.char_indices().nth(max_chars) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_blanks_does_not_shift_the_fields() {
        let line = "42 (a) Z (b)) S 7 40 39 0 -1 0 1 2 3 4 5 6 7 8 20 0 3 0 98765 1 2";
        let expected = Stat { identity: Identity::new(42, 98765), parent: 7, group: 40, dead: false };
        assert_eq!(Stat::parse(line), Some(expected));
    }

    #[test]
    fn a_zombie_is_dead_but_a_group_whose_first_thread_left_is_not() {
        let line = |threads: u32| format!("42 (x) Z 7 40 39 0 -1 0 1 2 3 4 5 6 7 8 20 0 {threads} 0 9 1 2");
        assert!(Stat::parse(&line(1)).unwrap().dead);
        assert!(!Stat::parse(&line(2)).unwrap().dead);
        assert!(!Stat::parse(&line(12)).unwrap().dead);
    }

    #[test]
    fn children_are_those_of_every_thread_and_none_where_the_kernel_has_no_such_file() {
        let root = tempfile::tempdir().unwrap();
        let proc = Proc { root: root.path().to_owned() };
        for (pid, children) in [(10, "11 12 "), (20, "13 ")] {
            let thread = root.path().join(format!("10/task/{pid}"));
            fs::create_dir_all(&thread).unwrap();
            fs::write(thread.join("children"), children).unwrap();
        }
        for pid in [11, 12, 13] {
            fs::create_dir_all(root.path().join(format!("{pid}/task/{pid}"))).unwrap();
            let stat = format!("{pid} (x) S 10 10 10 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 {pid}00 1 2");
            fs::write(root.path().join(format!("{pid}/stat")), stat).unwrap();
        }
        let mut pids: Vec<_> = proc.children(10).unwrap().iter().map(|stat| stat.identity.pid()).collect();
        pids.sort_unstable();
        assert_eq!(pids, [11, 12, 13]);
        assert_eq!(proc.children(11), None);
        assert_eq!(proc.children(99), Some(vec![]));
    }

    #[test]
    fn a_variable_is_found_by_its_whole_value_only() {
        let root = tempfile::tempdir().unwrap();
        let proc = Proc { root: root.path().to_owned() };
        fs::create_dir(root.path().join("7")).unwrap();
        fs::write(root.path().join("7/environ"), b"A=1\0RUN=ab\0XRUN=a\0").unwrap();
        let has = |entry: &str| proc.environment_has(7, entry.as_bytes());
        assert!(has("RUN=ab") && has("A=1"));
        assert!(!has("RUN=a") && !has("RUN=abc") && !has("UN=ab"));
    }

    #[test]
    fn a_process_that_becomes_another_program_is_veiled_and_one_without_variables_is_not() {
        let root = tempfile::tempdir().unwrap();
        let proc = Proc { root: root.path().to_owned() };
        for (pid, environ, cmdline) in [(7, "", ""), (8, "", "env\0-i\0"), (9, "A=1\0", "")] {
            let dir = root.path().join(pid.to_string());
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join("environ"), environ).unwrap();
            fs::write(dir.join("cmdline"), cmdline).unwrap();
        }
        assert!(proc.is_veiled(7));
        assert!(!proc.is_veiled(8) && !proc.is_veiled(9) && !proc.is_veiled(10));
    }

    #[test]
    fn a_command_line_is_cut_by_characters_and_shows_no_control_characters() {
        let root = tempfile::tempdir().unwrap();
        let proc = Proc { root: root.path().to_owned() };
        fs::create_dir(root.path().join("7")).unwrap();
        fs::write(root.path().join("7/cmdline"), "npm\0run\ndev\0--näme\0").unwrap();
        assert_eq!(proc.command_line(7, 100), "npm run dev --näme");
        assert_eq!(proc.command_line(7, 16), "npm run dev --nä…");
    }
}
