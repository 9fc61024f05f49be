//! The words of the program itself: its subcommands and the top-level keys of its config file.

use std::process::Command;

/// Returns the subcommands that `--help` lists.
pub(crate) fn subcommands(binary: &str) -> Vec<String> {
    let Ok(output) = Command::new(binary).arg("--help").output() else { panic!("{binary} does not start") };
    let help = String::from_utf8_lossy(&output.stdout);
    let listed =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    listed.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

/// Returns the top-level keys and tables of a config file, those in comments too.
pub(crate) fn top_level_keys(example: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut inside = false;
    for line in example.lines() {
        let line = line.trim_start_matches('#').trim();
        if let Some(table) = line.strip_prefix('[').map(|table| table.trim_start_matches('[')) {
            inside = true;
            keys.extend(table.split(['.', ']']).next().map(str::to_owned));
        } else if let Some((key, _)) = line.split_once(" = ")
            && !inside
            && !key.contains(' ')
        {
            keys.push(key.to_owned());
        }
    }
    keys.sort();
    keys.dedup();
    keys
}
