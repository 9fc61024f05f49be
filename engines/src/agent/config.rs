//! The keys that the tables of all agents have: model, reasoning, further arguments and variables.

use takopi_core::settings::{Secret, Table};

/// What every agent's table may say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Common {
    /// The model where a person chose none.
    pub(crate) model: Option<String>,
    /// The reasoning level where a person chose none.
    pub(crate) reasoning: Option<String>,
    /// Arguments put before takopi's own.
    pub(crate) extra_args: Vec<String>,
    /// Variables its runs get. Any may hold a key.
    pub(crate) env: Vec<(String, Secret)>,
}

impl Common {
    /// Reads the keys. `managed` are the options takopi sets itself, without which it would not understand the
    /// agent: they are refused by name. `extra_args` is the default.
    pub(crate) fn read(table: &mut Table<'_>, managed: &[&str], extra_args: &[&str]) -> Self {
        let written = table.strings("extra_args", "[\"--verbose\"]");
        for argument in written.iter().flatten() {
            if let Some(option) = managed.iter().chain([&END]).find(|option| sets(argument, option)) {
                let problem = format!("takopi sets {option} itself");
                table.error("extra_args", problem, format!("remove {option}"));
            }
        }
        let default = || extra_args.iter().map(|argument| (*argument).to_owned()).collect();
        Self {
            model: word(table, "model", "\"…\""),
            reasoning: word(table, "reasoning", "\"high\""),
            extra_args: written.unwrap_or_else(default),
            env: variables(table),
        }
    }
}

/// Ends the options: what takopi puts behind it would be read as words of the prompt.
const END: &str = "--";

/// Returns whether an argument sets an option: `--color`, `--color=never`, `-o`, `-ofile`.
fn sets(argument: &str, option: &str) -> bool {
    match argument.strip_prefix(option) {
        Some("") => true,
        Some(rest) => rest.starts_with('=') || !option.starts_with("--"),
        None => false,
    }
}

/// Reads a text that comes to stand in a command line, where one that looks like an option would be one.
fn word(table: &mut Table<'_>, key: &str, example: &str) -> Option<String> {
    let word = table.string(key, example)?;
    if word.starts_with('-') {
        let problem = format!("{word:?} would be an option of the program");
        table.error(key, problem, format!("write its name alone, e.g. {key} = {example}"));
    }
    Some(word)
}

fn variables(table: &mut Table<'_>) -> Vec<(String, Secret)> {
    const KEY: &str = "env";
    let written: serde_json::Map<String, serde_json::Value> = table.table(KEY);
    let mut variables = Vec::with_capacity(written.len());
    for (name, value) in written {
        let legal = !name.is_empty() && !name.contains(['=', '\0']) && !name.starts_with("TAKOPI_");
        match value {
            serde_json::Value::String(value) if legal && !value.contains('\0') => {
                variables.push((name, Secret::new(value)));
            }
            _ if !legal => {
                // Who writes a variable as in a shell writes its value too.
                let name = name.split('=').next().unwrap_or_default();
                let problem = format!("{name:?} is no variable an engine can be given");
                table.error(KEY, problem, "write e.g. env = { RUST_LOG = \"info\" }");
            }
            _ => {
                let problem = format!("the value of {name} is no text");
                table.error(KEY, problem, format!("put it in quotes: env = {{ {name} = \"…\" }}"));
            }
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_set_by_its_name_by_an_equals_sign_or_by_what_is_glued_to_a_short_one() {
        for argument in ["--color", "--color=never"] {
            assert!(sets(argument, "--color"), "{argument}");
        }
        assert!(sets("-o", "-o") && sets("-ofile", "-o") && sets("-o=file", "-o"));
        assert!(sets("--", END) && !sets("--color", END));
        assert!(!sets("--colors", "--color") && !sets("-c", "--color") && !sets("color", "--color"));
    }
}
