//! The `Content-Type` of a file by its name, in the words of `next start`, which has them from `mime` 1.6 of npm.

use http::HeaderValue;
use mime_guess::MimeGuess;

/// Where it says something else than our own table, and knows the type at all.
const AS_NEXT: [(&str, &str); 19] = [
    ("aac", "audio/x-aac"),
    ("flac", "audio/x-flac"),
    ("icns", "image/x-icns"),
    ("java", "text/x-java-source"),
    ("js", "application/javascript"),
    ("jsx", "text/jsx"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("m4a", "audio/mp4"),
    ("manifest", "text/cache-manifest"),
    ("map", "application/json"),
    ("mid", "audio/midi"),
    ("otf", "font/otf"),
    ("psd", "image/vnd.adobe.photoshop"),
    ("ts", "video/mp2t"),
    ("woff", "font/woff"),
    ("xml", "application/xml"),
    ("xsl", "application/xml"),
    ("yaml", "text/yaml"),
    ("yml", "text/yaml"),
];

/// By the end of a name.
pub(super) fn of(name: &str) -> HeaderValue {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end).to_ascii_lowercase();
    let as_next =
        AS_NEXT.iter().find(|(named, _)| *named == end).map(|(_, media_type)| *media_type);
    let media_type = as_next
        .or_else(|| MimeGuess::from_ext(&end).first_raw())
        .unwrap_or("application/octet-stream");
    let is_text = media_type.starts_with("text/")
        || ["application/javascript", "application/json"].contains(&media_type);
    let text = if is_text { format!("{media_type}; charset=UTF-8") } else { media_type.to_owned() };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// Whether there is something to be gained by compressing it.
pub(super) fn is_compressible(media_type: &HeaderValue) -> bool {
    let Ok(media_type) = media_type.to_str() else { return false };
    let essence = media_type.split(';').next().unwrap_or_default().trim_end();
    essence.starts_with("text/")
        || ["+json", "+xml", "/xml", "/json", "/javascript", "/wasm"]
            .iter()
            .any(|end| essence.ends_with(end))
        || ["font/ttf", "font/otf", "application/vnd.ms-fontobject", "image/x-icon", "image/bmp"]
            .contains(&essence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_in_its_type() {
        for (name, expected, compressible) in [
            ("a.js", "application/javascript; charset=UTF-8", true),
            ("a.b.MJS", "application/javascript; charset=UTF-8", true),
            ("a.css", "text/css; charset=UTF-8", true),
            ("a.js.map", "application/json; charset=UTF-8", true),
            ("a.json", "application/json; charset=UTF-8", true),
            ("a.webmanifest", "application/manifest+json", true),
            ("a.svg", "image/svg+xml", true),
            ("a.html", "text/html; charset=UTF-8", true),
            ("robots.txt", "text/plain; charset=UTF-8", true),
            ("sitemap.xml", "application/xml", true),
            ("favicon.ico", "image/x-icon", true),
            ("a.wasm", "application/wasm", true),
            ("a.woff2", "font/woff2", false),
            ("a.woff", "font/woff", false),
            ("a.ttf", "font/ttf", true),
            ("a.avif", "image/avif", false),
            ("a.jpg", "image/jpeg", false),
            ("a.mp4", "video/mp4", false),
            ("a.pdf", "application/pdf", false),
            ("a", "application/octet-stream", false),
            ("js", "application/octet-stream", false),
            ("a.unheard", "application/octet-stream", false),
            ("a.", "application/octet-stream", false),
        ] {
            let media_type = of(name);
            assert_eq!(media_type, expected, "{name}");
            assert_eq!(is_compressible(&media_type), compressible, "{name}");
        }
    }
}
