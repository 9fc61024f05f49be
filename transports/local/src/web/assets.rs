//! The page's own files, embedded: no build step, nothing from outside.

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Path, type and content of every file.
const FILES: &[(&str, &str, &str)] = &[
    ("/", HTML, include_str!("../page/index.html")),
    (STYLE, CSS, include_str!("../page/style.css")),
    (ICON, SVG, include_str!("../page/icon.svg")),
    ("/app.js", JAVASCRIPT, include_str!("../page/app.js")),
    ("/composer.js", JAVASCRIPT, include_str!("../page/composer.js")),
    ("/dom.js", JAVASCRIPT, include_str!("../page/dom.js")),
    ("/format.js", JAVASCRIPT, include_str!("../page/format.js")),
    ("/memory.js", JAVASCRIPT, include_str!("../page/memory.js")),
    ("/picks.js", JAVASCRIPT, include_str!("../page/picks.js")),
    ("/run.js", JAVASCRIPT, include_str!("../page/run.js")),
    ("/server.js", JAVASCRIPT, include_str!("../page/server.js")),
    ("/sidebar.js", JAVASCRIPT, include_str!("../page/sidebar.js")),
    ("/steps.js", JAVASCRIPT, include_str!("../page/steps.js")),
    ("/thread.js", JAVASCRIPT, include_str!("../page/thread.js")),
];

const STYLE: &str = "/style.css";
const ICON: &str = "/icon.svg";

/// What a browser without the cookie sees.
pub(super) const STRANGER: &str = include_str!("../page/stranger.html");

/// Returns whether a path may be read by anybody: the looks of the page for strangers.
pub(super) fn is_public(path: &str) -> bool {
    path == STYLE || path == ICON
}

pub(super) async fn serve(uri: Uri) -> Response {
    match FILES.iter().find(|(path, _, _)| *path == uri.path()) {
        Some((_, kind, content)) => ([(header::CONTENT_TYPE, *kind)], *content).into_response(),
        None => (StatusCode::NOT_FOUND, "nothing here; the page is at /").into_response(),
    }
}
