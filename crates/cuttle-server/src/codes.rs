//! Every `X-Cuttle-Error`: what a client sees, what the log says, and what an operator can do about it.
//!
//! One table for the log, which names the remedy beside the first refusal of its kind, and for `docs/troubleshooting.md`, which a
//! test compares with it. The sentences for clients are elsewhere: they hold no advice about a configuration.

/// One code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Code {
    pub(crate) name: &'static str,
    /// Status; where the two endpoints differ, that of `/_next/image` first.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the documentation"))]
    status: &'static str,
    /// Message of the event, and its level.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the documentation"))]
    logged: &'static str,
    pub(crate) remedy: &'static str,
}

/// What an operator can do about refusals of this code.
pub(crate) fn remedy(name: &str) -> Option<&'static str> {
    CODES.iter().find(|code| code.name == name).map(|code| code.remedy)
}

const REFUSED: &str = "WARN `refused`";
const ORIGIN: &str = "WARN `the source is at fault`";
const BUSY: &str = "WARN `too busy`";
const NOTHING: &str = "nothing";

const fn code(
    name: &'static str,
    status: &'static str,
    logged: &'static str,
    remedy: &'static str,
) -> Code {
    Code { name, status, logged, remedy }
}

/// In the order of `docs/troubleshooting.md`: what is set, what an origin does, what a client does, what we do.
#[rustfmt::skip]
pub(crate) const CODES: &[Code] = &[
    code("source_not_allowed", "400, 403", REFUSED,
        "add a pattern to `images.remotePatterns` (`localPatterns` for the app's own paths) in the Next config and build again, or to `[images] remote_patterns` (`local_patterns`) where there is no build"),
    code("address_not_allowed", "400, 403", REFUSED,
        "add the host or its network to `[images] allow_addresses`, or set `dangerouslyAllowLocalIP` in the Next config, which opens all but link-local and cloud metadata"),
    code("invalid_width", "400", REFUSED,
        "add the width to `images.deviceSizes` or `imageSizes` in the Next config and build again, or to `[images] sizes`"),
    code("invalid_quality", "400", REFUSED,
        "add the quality to `images.qualities` in the Next config and build again, or to `[images] qualities`"),
    code("invalid_height", "400", REFUSED, "list the height in `[images] heights`"),
    code("invalid_format", "400", REFUSED, "list the format in `[images] formats`, or leave `f` out"),
    code("unsupported_source", "400, 415", REFUSED,
        "look at what the source sends: a page instead of an image is often a login or an error page. For SVG set `dangerouslyAllowSVG` in the Next config, or `[images] svg = true`"),
    code("source_too_large", "413", REFUSED,
        "raise `[limits] source` (`images.maximumResponseBody` in the Next config), or make the original smaller"),
    code("image_too_large", "413", REFUSED,
        "raise `[limits] pixels` or `side`, with the memory that it takes, or make the original smaller; `detail` names the limit, and those of metadata, tiles and frames are fixed"),
    code("wrong_host", "421", REFUSED,
        "name the host in `hosts` of its `[[apps]]`; for a folder on loopback, with `--host NAME` or `[server] hosts`"),
    code("loop_detected", "508", REFUSED,
        "the original's URL leads back to Cuttle: let `[optimizer] fallback` or `[[apps]] upstream` be the app itself, not its public address"),

    code("source_not_found", "404", REFUSED, "look whether the original is there, under exactly this path"),
    code("source_failed", "the origin's own, 502", ORIGIN,
        "ask the source yourself from this machine: `detail` says what it answered, or why there was no connection"),
    code("source_timeout", "504", ORIGIN,
        "look why the source is slow; `[limits] fetch` and `connect` say how long it may take"),

    code("invalid_source", "400", REFUSED, "the page's own mistake: `detail` says what is wrong with the URL of the original"),
    code("invalid_encoding", "400", REFUSED, "the page's own mistake: encode the query as UTF-8, percent-encoded"),
    code("duplicate_parameter", "400", REFUSED, "the page's own mistake: give each parameter once"),
    code("unknown_parameter", "400", REFUSED, "the page's own mistake: leave the parameter out; a CDN in front may have added it"),
    code("invalid_fit", "400", REFUSED, "the page's own mistake: `fit` is `cover` or `contain`, and needs `h`"),
    code("invalid_crop", "400", REFUSED, "the page's own mistake: `crop` is `center` or `smart`, and needs `h` and `fit=cover`"),
    code("invalid_version", "400", REFUSED, "the page's own mistake: `v` has at most 64 letters, digits, dots, underscores and hyphens"),
    code("method_not_allowed", "405", REFUSED, "only GET and HEAD ask for images"),
    code("bad_request", "400, 431", "WARN `refused: this is no HTTP request that Cuttle can read`",
        "`why` and `remedy` say what was sent: the PROXY protocol, TLS or HTTP/2 to a port of plain HTTP/1.1, a character that must be percent-encoded, more than 250 header lines"),
    code("bare_line_feed", "400", NOTHING, "a proxy or client ends a line of its request in LF alone, which is not HTTP"),
    code("bad_target", "400", NOTHING, "the client's mistake: `CONNECT`, `*`, or no single `Host`"),

    code("queue_full", "503", BUSY,
        "more images are asked for than this machine makes: more cores, a CDN in front, or `[limits] queue`"),
    code("queue_timeout", "503", BUSY,
        "more images are asked for than this machine makes: more cores, a CDN in front, or `[limits] queue_wait`"),
    code("out_of_descriptors", "503", BUSY,
        "raise the limit of open files (`LimitNOFILE` of systemd, `ulimit -Hn`, `--ulimit nofile` of Docker) to the number that the log names at start"),
    code("shutting_down", "503", BUSY, "nothing, if it was told to stop"),
    code("too_many_connections", "503", "WARN, once", "raise `[limits] connections` or `streams`; behind a proxy, list it in `[server] trusted_proxies`"),
    code("busy", "503", NOTHING, "nothing: pages of a folder are made a few at a time"),
    code("internal_error", "500", "ERROR `Cuttle is at fault`", "`detail` says what broke: please report it"),
    code("internal", "500", "ERROR", "the line before it says what broke: please report it"),

    code("app_restarting", "503", "ERROR `an app does not run`", "`cuttle logs` has the last lines of the app; a slow start needs a longer `apps.hold`"),
    code("app_down", "502", "WARN `the app cannot be reached`", "start the app, or correct `--upstream`"),
    code("app_broken", "502", "WARN `the app gave no usable answer`", "look into the app's own log"),
    code("app_slow", "504", "WARN `the app does not answer in time`", "look into the app's own log"),
    code("upload_silent", "408", NOTHING, "the client stopped in the middle of an upload; `[limits] upload_silence` is how long it may"),
    code("transfer_coding", "501", NOTHING, "the client's mistake: only `chunked` is understood"),
    code("no_trace", "501", NOTHING, "nothing: `TRACE` is not passed on"),
    code("not_found", "404", NOTHING, "nothing has that address here; below `[server] prefix` only Cuttle answers"),
    code("unauthorized", "401", NOTHING, "send the token of `[server] admin_token` as `Authorization: Bearer`"),
    code("invalid_purge", "400", NOTHING, "the sentence says what is wrong with the body"),
];

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/troubleshooting.md");
    const BEGIN: &str = "<!-- generated -->\n";
    const END: &str = "\n<!-- end -->";

    #[test]
    fn the_troubleshooting_page_has_every_code() {
        let rows: String = CODES
            .iter()
            .map(|Code { name, status, logged, remedy }| {
                format!("| `{name}` | {status} | {logged} | {remedy} |\n")
            })
            .collect();
        let page = std::fs::read_to_string(PAGE).expect("the page");
        let (before, rest) = page.split_once(BEGIN).expect("where it begins");
        let (_, after) = rest.split_once(END).expect("where it ends");
        let head = "| `X-Cuttle-Error` | Status | In the log | What to do |\n|---|---|---|---|\n";
        let written = format!("{before}{BEGIN}\n{head}{rows}{END}{after}");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(PAGE, &written).expect("the page can be written");
        }
        assert!(page == written || std::env::var_os("UPDATE").is_some(), "run again with UPDATE=1");
    }

    /// Wherever the code is written down, in this crate and in the contract.
    #[test]
    fn every_code_that_is_sent_is_in_the_table() {
        let sources = [
            include_str!("respond.rs"),
            include_str!("../../cuttle-contract/src/failure.rs"),
            include_str!("../../cuttle-contract/src/next.rs"),
            include_str!("../../cuttle-contract/src/strict.rs"),
        ];
        let is_code = |text: &&str| {
            text.contains('_') && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        let sent: Vec<_> =
            sources.iter().flat_map(|text| text.split('"')).filter(is_code).collect();
        assert!(sent.len() > 30, "{sent:?}");
        for code in sent {
            assert!(remedy(code).is_some(), "{code}");
        }
    }
}
