//! Who gets in: the browser that showed the token, from this page, under this machine's own name.
//!
//! - The token in the URL is exchanged for a cookie and leaves the address bar.
//! - `Host` must name loopback: a foreign name that resolves to 127.0.0.1 (DNS rebinding) is refused.
//! - What changes something must come from this page itself: `Origin`, and `Sec-Fetch-Site` where sent.
//! - Every answer says what the page may load: only what comes from here.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::assets;
use super::token::Token;

/// What every answer carries.
const HEADERS: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("x-frame-options", "DENY"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// How long a browser keeps the cookie, in seconds: a year. The token outlives restarts, so it does too.
const COOKIE_SECONDS: u32 = 31_536_000;

/// The names this machine has for itself.
const NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// What a request must show.
pub(super) struct Gate {
    token: Token,
    port: u16,
    cookie: String,
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It goes on.
    Pass,
    /// It showed the token: it gets the cookie.
    Exchange,
    /// It showed nothing, or the wrong thing.
    Stranger,
    /// It comes from where it must not, and this is why.
    Refused(&'static str),
}

impl Gate {
    pub(super) fn new(port: u16, token: Token) -> Self {
        // Cookies are shared between the ports of a host: the name tells two daemons apart.
        Self { token, port, cookie: format!("takopi_{port}") }
    }

    fn judge(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Verdict {
        if !one(headers, &header::HOST).is_some_and(|host| self.is_own_host(host)) {
            return Verdict::Refused("this page answers only under 127.0.0.1 or localhost");
        }
        if assets::is_public(uri.path()) {
            return Verdict::Pass;
        }
        if let Some(shown) = (uri.path() == "/").then(|| query_token(uri)).flatten() {
            return if self.token.matches(shown) { Verdict::Exchange } else { Verdict::Stranger };
        }
        if !self.has_cookie(headers) {
            return Verdict::Stranger;
        }
        let site = one(headers, &HeaderName::from_static("sec-fetch-site"));
        let reads = matches!(*method, Method::GET | Method::HEAD);
        if reads {
            // An address typed or opened from a bookmark has the site `none`; older browsers tell nothing.
            let foreign =
                uri.path().starts_with("/api/") && !matches!(site, None | Some("same-origin" | "none"));
            return if foreign {
                Verdict::Refused("only the page itself may ask this")
            } else {
                Verdict::Pass
            };
        }
        let own = one(headers, &header::ORIGIN).is_some_and(|origin| self.is_own_origin(origin));
        if !own || !matches!(site, None | Some("same-origin")) {
            return Verdict::Refused("only the page itself may do this");
        }
        Verdict::Pass
    }

    fn is_own_host(&self, host: &str) -> bool {
        host.rsplit_once(':').is_some_and(|(name, port)| {
            NAMES.iter().any(|own| name.eq_ignore_ascii_case(own)) && port == self.port.to_string()
        })
    }

    fn is_own_origin(&self, origin: &str) -> bool {
        origin.strip_prefix("http://").is_some_and(|host| self.is_own_host(host))
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut cookies =
            lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        cookies.any(|(name, value)| name == self.cookie && self.token.matches(value))
    }

    fn exchange(&self) -> Response {
        let cookie = format!(
            "{}={}; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Strict",
            self.cookie,
            self.token.expose()
        );
        ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
    }
}

/// Judges every request before anything else sees it, and puts the headers on every answer.
pub(super) async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let verdict = gate.judge(request.method(), request.uri(), request.headers());
    let for_program = request.uri().path().starts_with("/api/");
    let mut response = match verdict {
        Verdict::Pass => next.run(request).await,
        Verdict::Exchange => gate.exchange(),
        Verdict::Stranger if for_program => {
            refuse(StatusCode::UNAUTHORIZED, "open the address `takopi status` shows")
        }
        Verdict::Stranger => (StatusCode::UNAUTHORIZED, Html(assets::STRANGER)).into_response(),
        Verdict::Refused(why) => refuse(StatusCode::FORBIDDEN, why),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, Json(serde_json::json!({ "error": why }))).into_response()
}

/// Returns the value of a header that is there exactly once: a second one is somebody's trick.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

fn query_token(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn judge(method: Method, uri: &str, headers: &[(&str, &str)]) -> Verdict {
        let gate = Gate::new(8787, Token::parse(TOKEN).unwrap());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        gate.judge(&method, &uri.parse().unwrap(), &map)
    }

    fn with_cookie<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        const COOKIE: &str =
            "a=b; takopi_8787=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        [&[("host", "127.0.0.1:8787"), ("cookie", COOKIE)], more].concat()
    }

    #[test]
    fn only_loopback_names_with_the_right_port_are_answered() {
        for host in ["127.0.0.1:8787", "localhost:8787", "LocalHost:8787", "[::1]:8787"] {
            assert_eq!(judge(Method::GET, "/style.css", &[("host", host)]), Verdict::Pass, "{host}");
        }
        for host in ["evil.example:8787", "127.0.0.1", "127.0.0.1:8788", "127.0.0.1.evil.example:8787", ""] {
            let verdict = judge(Method::GET, "/style.css", &[("host", host)]);
            assert!(matches!(verdict, Verdict::Refused(_)), "{host}");
        }
        let twice = [("host", "127.0.0.1:8787"), ("host", "evil.example")];
        assert!(matches!(judge(Method::GET, "/style.css", &twice), Verdict::Refused(_)));
        assert!(matches!(judge(Method::GET, "/", &[]), Verdict::Refused(_)));
    }

    #[test]
    fn the_token_is_exchanged_and_a_wrong_one_is_not() {
        let host = [("host", "localhost:8787")];
        assert_eq!(judge(Method::GET, &format!("/?token={TOKEN}"), &host), Verdict::Exchange);
        assert_eq!(
            judge(Method::GET, &format!("/?token={}", TOKEN.replace('0', "1")), &host),
            Verdict::Stranger
        );
        assert_eq!(judge(Method::GET, "/?token=", &host), Verdict::Stranger);
        assert_eq!(judge(Method::GET, &format!("/api/state?token={TOKEN}"), &host), Verdict::Stranger);
    }

    #[test]
    fn without_the_cookie_everybody_is_a_stranger() {
        assert_eq!(judge(Method::GET, "/", &[("host", "127.0.0.1:8787")]), Verdict::Stranger);
        let other = format!("takopi_8788={TOKEN}");
        let shown = [("host", "127.0.0.1:8787"), ("cookie", other.as_str())];
        assert_eq!(judge(Method::GET, "/api/state", &shown), Verdict::Stranger);
        assert_eq!(judge(Method::GET, "/", &with_cookie(&[])), Verdict::Pass);
    }

    #[test]
    fn only_the_page_itself_may_change_something() {
        let post =
            |more: &[(&'static str, &'static str)]| judge(Method::POST, "/api/messages", &with_cookie(more));
        assert_eq!(post(&[("origin", "http://127.0.0.1:8787")]), Verdict::Pass);
        assert_eq!(
            post(&[("origin", "http://localhost:8787"), ("sec-fetch-site", "same-origin")]),
            Verdict::Pass
        );
        for more in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "http://evil.example")],
            &[("origin", "http://127.0.0.1:3000")],
            &[("origin", "https://127.0.0.1:8787")],
            &[("origin", "http://127.0.0.1:8787"), ("sec-fetch-site", "same-site")],
            &[("origin", "http://127.0.0.1:8787"), ("sec-fetch-site", "cross-site")],
        ] {
            assert!(matches!(post(more), Verdict::Refused(_)), "{more:?}");
        }
    }

    #[test]
    fn another_site_can_read_nothing() {
        let read = |site| judge(Method::GET, "/api/state", &with_cookie(&[("sec-fetch-site", site)]));
        assert_eq!(read("same-origin"), Verdict::Pass);
        assert!(matches!(read("cross-site"), Verdict::Refused(_)));
        assert!(matches!(read("same-site"), Verdict::Refused(_)));
    }
}
