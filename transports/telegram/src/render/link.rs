//! Where a link may lead: to the web or into Telegram. Everything else Telegram refuses or makes no sense on
//! a phone.

use super::EntityKind;

/// Longest target of a link, in bytes. A longer one is not worth the trouble of being refused.
const MAX_URL_BYTES: usize = 2048;

/// Returns the entity for a link to `target`, if one can lead there.
pub(super) fn to(target: &str) -> Option<EntityKind> {
    let legal = |c: char| !c.is_whitespace() && !c.is_control();
    if target.len() > MAX_URL_BYTES || !target.chars().all(legal) {
        return None;
    }
    let (scheme, rest) = target.split_once(':')?;
    let host = rest.strip_prefix("//");
    let leads = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => {
            host.is_some_and(|host| host.starts_with(char::is_alphanumeric) || host.starts_with('['))
        }
        // Such a link to a person is the mention of that person.
        "tg" => host.is_some_and(|host| !host.is_empty() && !host.to_ascii_lowercase().starts_with("user")),
        _ => false,
    };
    leads.then(|| EntityKind::TextLink { url: target.to_owned() })
}

/// Returns what must be said of a link that no entity can lead to: the address of a mail, whose label may say
/// something else. The path of a file on this machine says nothing to a phone.
pub(super) fn spelled_out<'a>(target: &'a str, label: &str) -> Option<&'a str> {
    let address = target.strip_prefix("mailto:")?;
    (!label.contains(address)).then_some(address)
}

/// Returns whether a link names a file on this machine, with or without a line's number.
pub(super) fn is_file(target: &str) -> bool {
    target.split_once(':').is_none_or(|(scheme, rest)| {
        scheme == "file"
            || scheme.contains(['/', '\\', '.'])
            || rest.starts_with(|c: char| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_web_and_into_telegram_only() {
        for good in
            ["https://example.com/a_b?c=ü", "HTTP://localhost:3000", "http://[::1]/", "tg://resolve?domain=x"]
        {
            assert_eq!(to(good), Some(EntityKind::TextLink { url: good.to_owned() }));
        }
        let long = format!("https://example.com/{}", "x".repeat(3000));
        for bad in [
            "src/main.rs",
            "/etc/passwd",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http:///x",
            "http:x",
            "https://a b",
            "tg://user?id=1",
            "TG://User?id=1",
            "tg:user?id=1",
            "C:\\x",
            "#top",
            "",
            &long,
        ] {
            assert_eq!(to(bad), None, "{bad}");
        }
    }
}
