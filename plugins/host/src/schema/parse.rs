//! A JSON schema becomes a [`Shape`]. What is wrong with it is told with its place: `properties.units.enum`.

use regex::RegexBuilder;
use serde_json::Value;
use takopi_core::settings::{Severity, names_a_secret};

use super::json::Json;
use super::words::key_of;
use super::{Bound, Count, Field, MAX_DEPTH, Others, Shape, Type, check};

/// Bytes of the largest compiled pattern.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// Keywords that mean nothing here and do no harm: `format` is for editors.
const SILENT: [&str; 8] =
    ["$schema", "$id", "$comment", "format", "deprecated", "readOnly", "contentMediaType", "contentEncoding"];

pub(super) fn parse(text: &str) -> Result<(Shape, Vec<String>), String> {
    let json: Json = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    let mut reader = Reader { at: Vec::new(), notes: Vec::new() };
    let mut root = reader.shape(&json)?;
    if root.types.is_empty() {
        root.types.push(Type::Table);
    }
    if !root.is_table() {
        return Err("the whole must be \"type\": \"object\", since settings are a table".to_owned());
    }
    Ok((root, reader.notes))
}

struct Reader {
    at: Vec<String>,
    notes: Vec<String>,
}

type Read<T> = Result<T, String>;

impl Reader {
    fn wrong<T>(&self, problem: impl std::fmt::Display) -> Read<T> {
        Err(if self.at.is_empty() {
            problem.to_string()
        } else {
            format!("{}: {problem}", self.at.join("."))
        })
    }

    fn note(&mut self, problem: impl std::fmt::Display) {
        let at = if self.at.is_empty() { String::new() } else { format!("{}: ", self.at.join(".")) };
        self.notes.push(format!("{at}{problem}"));
    }

    /// Reads what is below `key`.
    fn within<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        self.at.push(key_of(key));
        let value = read(self)?;
        self.at.pop();
        Ok(value)
    }

    fn shape(&mut self, json: &Json) -> Read<Shape> {
        // Two steps for each table: `properties.name`.
        if self.at.len() > 2 * MAX_DEPTH {
            return self.wrong(format_args!("more than {MAX_DEPTH} tables within each other"));
        }
        let keywords = match json {
            Json::Object(keywords) => keywords,
            Json::Boolean(true) => return Ok(Shape::default()),
            _ => return self.wrong("expected a schema in braces"),
        };
        let mut shape = Shape::default();
        let (mut title, mut description, mut required) = (None, None, Vec::new());
        let mut secret = None;
        for (keyword, value) in keywords {
            self.within(keyword, |reader| {
                match keyword.as_str() {
                    "title" => title = Some(reader.text(value)?),
                    "description" => description = Some(reader.text(value)?),
                    "required" => required = reader.texts(value)?,
                    "x-secret" | "writeOnly" => secret = Some(secret == Some(true) || reader.truth(value)?),
                    _ => return reader.keyword(keyword, value, &mut shape),
                }
                Ok(())
            })?;
        }
        shape.docs = title.into_iter().chain(description).filter(|text| !text.trim().is_empty()).collect();
        shape.secret = secret == Some(true);
        if shape.types.is_empty() && !shape.fields.is_empty() {
            shape.types.push(Type::Table);
        }
        if shape.types.is_empty() {
            shape.types = types_of(&shape.one_of);
        }
        self.require(&mut shape, required);
        self.check_default(&mut shape)?;
        Ok(shape)
    }

    fn keyword(&mut self, keyword: &str, value: &Json, shape: &mut Shape) -> Read<()> {
        match keyword {
            "type" => shape.types = self.types(value)?,
            "enum" => {
                shape.one_of = self.list(value)?.iter().map(Json::to_value).filter(|v| !v.is_null()).collect()
            }
            "const" => shape.one_of = vec![value.to_value()],
            "properties" => shape.fields = self.fields(value)?,
            "additionalProperties" => {
                shape.others = match value {
                    Json::Boolean(false) => Others::Refused,
                    Json::Boolean(true) => Others::Allowed,
                    other => Others::Each(Box::new(self.shape(other)?)),
                }
            }
            "items" if matches!(value, Json::List(_)) => {
                self.note("a shape for each place is not understood")
            }
            "items" => shape.items = Some(Box::new(self.shape(value)?)),
            "minimum" => shape.least = Some(Bound { at: self.number(value)?, included: true }),
            "maximum" => shape.most = Some(Bound { at: self.number(value)?, included: true }),
            "exclusiveMinimum" => shape.least = Some(Bound { at: self.number(value)?, included: false }),
            "exclusiveMaximum" => shape.most = Some(Bound { at: self.number(value)?, included: false }),
            "minLength" => shape.length.least = Some(self.count(value)?),
            "maxLength" => shape.length.most = Some(self.count(value)?),
            "minItems" => shape.count.least = Some(self.count(value)?),
            "maxItems" => shape.count.most = Some(self.count(value)?),
            "pattern" => self.pattern(value, shape)?,
            "default" if *value != Json::Null => shape.default = Some(value.to_value()),
            "default" => {}
            "examples" => shape.example = self.list(value)?.first().map(Json::to_value),
            other if SILENT.contains(&other) || other.starts_with("x-") => {}
            _ => self.note("this keyword is not understood, so it is not enforced"),
        }
        Ok(())
    }

    fn types(&self, value: &Json) -> Read<Vec<Type>> {
        let words = match value {
            Json::Text(word) => vec![word.clone()],
            several => self.texts(several)?,
        };
        let mut types = Vec::new();
        for word in &words {
            types.push(match word.as_str() {
                "string" => Type::Text,
                "integer" => Type::Integer,
                "number" => Type::Number,
                "boolean" => Type::Boolean,
                "array" => Type::List,
                "object" => Type::Table,
                // In TOML nothing is what is not written.
                "null" if words.len() > 1 => continue,
                _ => {
                    let known = "string, integer, number, boolean, array or object";
                    return self.wrong(format_args!("{word:?} is no type; write {known}"));
                }
            });
        }
        Ok(types)
    }

    fn fields(&mut self, value: &Json) -> Read<Vec<Field>> {
        let Json::Object(entries) = value else { return self.wrong("expected the keys in braces") };
        let mut fields: Vec<Field> = Vec::new();
        for (name, json) in entries {
            self.within(name, |reader| {
                if fields.iter().any(|field| field.name == *name) {
                    return reader.wrong("it is there twice");
                }
                let mut shape = reader.shape(json)?;
                shape.secret |= may_be_text(&shape) && names_a_secret(name) && !is_open(json);
                fields.push(Field { name: name.clone(), required: false, shape });
                Ok(())
            })?;
        }
        Ok(fields)
    }

    fn require(&mut self, shape: &mut Shape, names: Vec<String>) {
        for name in names {
            if let Some(field) = shape.fields.iter_mut().find(|field| field.name == name) {
                field.required = true;
                continue;
            }
            self.note(format_args!("required: {} is none of the properties", key_of(&name)));
            shape.fields.push(Field { name, required: true, shape: Shape::default() });
        }
    }

    /// A default that its own schema refuses would be a mistake that nobody but the author can mend.
    fn check_default(&mut self, shape: &mut Shape) -> Read<()> {
        if let (Some(Value::Object(table)), true) = (&shape.default, shape.is_table()) {
            if !table.is_empty() {
                self.note("default: a table's default is not used; write one at each of its keys");
            }
            shape.default = None;
        }
        for (keyword, value) in [("default", &shape.default), ("examples", &shape.example)] {
            let Some(value) = value else { continue };
            let found = check::value(shape, value);
            if let Some(first) = found.into_iter().find(|one| one.severity == Severity::Error) {
                self.at.push(keyword.to_owned());
                return self.wrong(first.problem);
            }
        }
        Ok(())
    }

    fn pattern(&mut self, value: &Json, shape: &mut Shape) -> Read<()> {
        let pattern = self.text(value)?;
        match RegexBuilder::new(&pattern).size_limit(MAX_PATTERN_BYTES).build() {
            Ok(regex) => shape.pattern = Some(regex),
            Err(_) => self.note("this pattern is not understood (see docs.rs/regex), so it is not enforced"),
        }
        Ok(())
    }

    fn text(&self, value: &Json) -> Read<String> {
        match value {
            Json::Text(text) => Ok(text.clone()),
            _ => self.wrong("expected a text"),
        }
    }

    fn texts(&self, value: &Json) -> Read<Vec<String>> {
        self.list(value)?.iter().map(|item| self.text(item)).collect()
    }

    fn list<'j>(&self, value: &'j Json) -> Read<&'j [Json]> {
        match value {
            Json::List(items) => Ok(items),
            _ => self.wrong("expected a list"),
        }
    }

    fn truth(&self, value: &Json) -> Read<bool> {
        match value {
            Json::Boolean(truth) => Ok(*truth),
            _ => self.wrong("expected true or false"),
        }
    }

    fn number(&self, value: &Json) -> Read<f64> {
        match value {
            Json::Number(number) => number.as_f64().map_or_else(|| self.wrong("expected a number"), Ok),
            _ => self.wrong("expected a number"),
        }
    }

    fn count(&self, value: &Json) -> Read<u64> {
        match value {
            Json::Number(number) => number.as_u64().map_or_else(|| self.wrong("expected a count"), Ok),
            _ => self.wrong("expected a count"),
        }
    }
}

impl Count {
    pub(super) fn has(self, count: usize) -> bool {
        let count = count as u64;
        self.least.is_none_or(|least| count >= least) && self.most.is_none_or(|most| count <= most)
    }
}

/// Returns the types of values that are listed, without which a text of the environment could not be read as one.
fn types_of(values: &[Value]) -> Vec<Type> {
    let mut types = Vec::new();
    for value in values {
        let kind = match value {
            Value::Null => continue,
            Value::Bool(_) => Type::Boolean,
            Value::Number(_) => Type::Number,
            Value::String(_) => Type::Text,
            Value::Array(_) => Type::List,
            Value::Object(_) => Type::Table,
        };
        if !types.contains(&kind) {
            types.push(kind);
        }
    }
    types
}

/// Returns whether its author says that it is no secret, whatever it is called.
fn is_open(json: &Json) -> bool {
    let Json::Object(keywords) = json else { return false };
    keywords.iter().any(|(keyword, value)| keyword == "x-secret" && *value == Json::Boolean(false))
}

/// A number of tokens is no token.
fn may_be_text(shape: &Shape) -> bool {
    shape.types.is_empty()
        || shape.types.iter().any(|kind| matches!(kind, Type::Text | Type::List | Type::Table))
}
