//! Reads `multipart/form-data` (RFC 7578) as far as Bot API clients write it.

use memchr::memmem;
use serde_json::Value;

use super::params::{Params, Refusal, Upload, bad};

/// A part of a form.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// The name of a file.
    pub(crate) file: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

/// Adds the fields and files of a form to `params`.
pub(super) fn read(content_type: &str, body: &[u8], params: &mut Params) -> Result<(), Refusal> {
    for Part { name, file, bytes, .. } in parts(content_type, body).map_err(bad)? {
        match file {
            Some(file) => drop(params.uploads.insert(name, Upload { name: file, bytes })),
            None => {
                let text = String::from_utf8(bytes).map_err(|_| bad("a text in the form is no UTF-8"))?;
                params.values.insert(name, Value::String(text));
            }
        }
    }
    Ok(())
}

/// Takes a form apart; an error says what is wrong with it.
pub(crate) fn parts(content_type: &str, body: &[u8]) -> Result<Vec<Part>, &'static str> {
    let boundary = attribute(content_type, "boundary").ok_or("there is no boundary in the content type")?;
    // The body begins with a delimiter that lacks the line break before it.
    let whole = [b"\r\n", body].concat();
    let delimiter = format!("\r\n--{boundary}");
    let starts: Vec<_> = memmem::find_iter(&whole, delimiter.as_bytes()).collect();
    let mut parts = Vec::new();
    for pair in starts.windows(2) {
        let part = &whole[pair[0] + delimiter.len()..pair[1]];
        let head_end = memmem::find(part, b"\r\n\r\n").ok_or("a part of the form has no end of its head")?;
        let head = String::from_utf8_lossy(&part[..head_end]);
        let header =
            |name: &str| head.lines().find(|line| line.to_lowercase().starts_with(name)).map(str::to_owned);
        let disposition =
            header("content-disposition:").ok_or("a part of the form has no content-disposition")?;
        let name = attribute(&disposition, "name").ok_or("a part of the form has no name")?;
        let content_type =
            header("content-type:").and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()));
        let file = attribute(&disposition, "filename");
        parts.push(Part { name, file, content_type, bytes: part[head_end + 4..].to_vec() });
    }
    match starts.len() < 2 {
        true => Err("the form has no parts"),
        false => Ok(parts),
    }
}

/// Returns an attribute of a header, `key=value` or `key="value"`, percent-encoded quotes and line breaks undone.
fn attribute(header: &str, key: &str) -> Option<String> {
    let value =
        header.split(';').skip(1).find_map(|pair| pair.trim().strip_prefix(key)?.strip_prefix('='))?;
    let value = value.trim().trim_matches('"');
    Some(value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_files_are_told_apart() {
        let form = "--x\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n7\r\n--x\r\nContent-Disposition: \
                    form-data; name=\"d\"; filename=\"a b.txt\"\r\nContent-Type: text/plain\r\n\r\none\r\n\r\ntwo\r\n--x--\r\n";
        let mut params = Params::default();
        read("multipart/form-data; boundary=x", form.as_bytes(), &mut params).unwrap();
        assert_eq!(params.number("chat_id"), Some(7));
        assert_eq!(params.uploads["d"].name, "a b.txt");
        assert_eq!(params.uploads["d"].bytes, b"one\r\n\r\ntwo");
    }

    #[test]
    fn a_form_without_its_boundary_is_refused() {
        let refused =
            read("multipart/form-data; boundary=y", b"--x\r\n", &mut Params::default()).unwrap_err();
        assert_eq!(refused, bad("the form has no parts"));
    }
}
