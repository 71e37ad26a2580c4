//! The page's markup. Every picture is a complete card before the script runs; the script adds the comparison.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Entry, FolderLink, Listing, MARK, Settings, below};

/// The whole page of a folder.
pub(crate) fn page(listing: &Listing, settings: &Settings) -> String {
    let here = listing.crumbs.last().map_or("", |crumb| crumb.name.as_str());
    let assets = format!("{}/gallery", settings.prefix);
    html! {
        (DOCTYPE)
        html lang="en" data-ready="0" data-failed="0" {
            head {
                meta charset="utf-8";
                title { @if !here.is_empty() { (here) " · " } "Cuttle" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                link rel="icon" type="image/svg+xml" href=(format!("{assets}/mark.svg"));
                link rel="stylesheet" href=(format!("{assets}/gallery.css"));
                script type="module" src=(format!("{assets}/gallery.js")) {}
            }
            body data-prefix=(settings.prefix) data-quality=(settings.default_quality()) {
                (header(listing))
                @if !listing.pictures.is_empty() { (choosers(settings)) }
                main {
                    (places(listing))
                    @if listing.pictures.is_empty() {
                        (nothing_here(listing, settings))
                    } @else {
                        section.grid aria-label="Images" {
                            @for entry in &listing.pictures { (card(entry, settings)) }
                        }
                        @if listing.omitted > 0 {
                            p.omitted { "This page lists the first " (listing.pictures.len()) " images; the folder has " (listing.omitted) " more." }
                        }
                    }
                    (below::unshown(listing))
                    @if !listing.pictures.is_empty() { (below::guide(settings)) }
                }
                (footer(settings))
                @if !listing.pictures.is_empty() { (comparison()) (viewer()) }
            }
        }
    }
    .into_string()
}

fn header(listing: &Listing) -> Markup {
    html! {
        header.top {
            a.brand href="/" { (PreEscaped(MARK)) span { "Cuttle" } }
            p.what { "The images of this folder: as they are, and as each visitor’s browser gets them." }
            @if !listing.pictures.is_empty() {
                div.totals {
                    dl {
                        div { dt { "images" } dd #total-pictures { (listing.pictures.len()) } }
                        div { dt { "as they are" } dd #total-original { (size(listing.pictures.iter().map(|entry| entry.bytes).sum())) } }
                        div { dt { "as served" } dd #total-served { "–" } }
                        div.saved { dt #total-verb { "saved" } dd #total-saved { "–" } }
                        div title="Beside JPEG or PNG of the same width and height, which is what the format alone saves" { dt { "at equal size" } dd #total-equal { "–" } }
                    }
                    div.bar aria-hidden="true" { span #total-bar {} }
                    p.progress #total-progress role="status" {}
                }
            }
        }
    }
}

fn choosers(settings: &Settings) -> Markup {
    let formats = settings.formats.iter().map(|format| (*format, label(format)));
    let formats = [("auto", "Auto")].into_iter().chain(formats).chain([("plain", "JPEG / PNG")]);
    html! {
        form.choosers #choosers autocomplete="off" {
            fieldset {
                legend { "Format" }
                div.segments {
                    @for (value, label) in formats {
                        label title=(meaning(value)) {
                            input type="radio" name="format" value=(value) checked[value == "auto"];
                            span { (label) }
                        }
                    }
                }
            }
            label.pick { span { "Width" } select name="w" {
                @for width in &settings.widths {
                    option value=(width) selected[*width == settings.default_width()] { (width) " px" }
                }
            } }
            @if settings.qualities.len() > 1 {
                label.pick { span { "Quality" } select name="q" {
                    @for quality in &settings.qualities {
                        option value=(quality) selected[*quality == settings.default_quality()] { (quality) }
                    }
                } }
            }
        }
    }
}

fn label(format: &str) -> &'static str {
    match format {
        "avif" => "AVIF",
        _ => "WebP",
    }
}

fn meaning(choice: &str) -> &'static str {
    match choice {
        "auto" => "What this browser gets: the best format that it names in its Accept header",
        "plain" => "What a client gets that names no modern format",
        _ => "This format whatever the client names",
    }
}

fn places(listing: &Listing) -> Markup {
    html! {
        @if listing.crumbs.len() > 1 || !listing.folders.is_empty() {
            div.places {
                nav.crumbs aria-label="Path" data-folder=(listing.folder) { ol {
                    @for (n, crumb) in listing.crumbs.iter().enumerate() {
                        @let current = n + 1 == listing.crumbs.len();
                        li { a href=(crumb.href) aria-current=[current.then_some("page")] { bdi { @if crumb.name.is_empty() { "Top folder" } @else { (crumb.name) } } } }
                    }
                } }
                @if !listing.folders.is_empty() {
                    nav.folders aria-label="Folders" { ul { @for folder in &listing.folders { li { (folder_link(folder)) } } } }
                }
            }
        }
    }
}

fn folder_link(folder: &FolderLink) -> Markup {
    html! { a href=(folder.href) { span.icon aria-hidden="true" {} bdi { (folder.name) } } }
}

fn card(entry: &Entry, settings: &Settings) -> Markup {
    html! {
        article.card data-href=(entry.href) data-bytes=(entry.bytes) data-width=(entry.width) data-height=(entry.height) data-kind=(entry.kind) {
            div.frame { noscript { (rendition_without_script(entry, settings)) } }
            div.about {
                h2 title=(entry.name) { a href=(entry.href) { bdi { (entry.name) } } }
                p.sizes { span.original { (size(entry.bytes)) } span.served {} span.saved {} }
                p.facts { span.from { (entry.width) " × " (entry.height) " " (entry.kind) } span.to {} }
                p.note {}
            }
            div.urls {}
        }
    }
}

fn rendition_without_script(entry: &Entry, settings: &Settings) -> Markup {
    let source = query_value(&entry.href);
    let url = |width: &u32| format!("{}/image?src={source}&w={width}", settings.prefix);
    // Below 256 px a rendition is an icon, of no use in a card.
    let set: Vec<_> = settings
        .widths
        .iter()
        .filter(|width| **width >= 256)
        .map(|width| format!("{} {width}w", url(width)))
        .collect();
    html! {
        img src=(url(&settings.default_width())) srcset=[(!set.is_empty()).then(|| set.join(", "))]
            sizes="(min-width: 48rem) 24rem, 100vw" width=(entry.width) height=(entry.height) loading="lazy" alt=(entry.name);
    }
}

/// The comparison, cloned by the script for each card and for the large view. Original left, rendition right.
fn comparison() -> Markup {
    html! {
        template #comparison {
            div.compare data-original="absent" {
                img.rendition alt="" draggable="false";
                img.original alt="" draggable="false" decoding="async";
                div.divider aria-hidden="true" { span.grip {} }
                span.label.left { "Original" }
                span.label.right {}
                input.position type="range" min="0" max="100" step="1" value="50" aria-label="How much of the original is shown, in percent";
            }
        }
    }
}

fn viewer() -> Markup {
    html! {
        dialog #viewer aria-labelledby="viewer-name" {
            header {
                h2 #viewer-name { bdi {} }
                p.keys { "Click " kbd { "F" } " flip · drag " kbd { "←" } kbd { "→" } " divider · " kbd { "P" } kbd { "N" } " previous, next" }
                span.count {}
                button.wide type="button" name="flip" title="Original or optimized image (F, or a click)" { "Flip" }
                button.wide type="button" name="zoom" title="Each pixel of the optimized image is one of the screen (Z)" aria-pressed="false" { "100 %" }
                button type="button" name="previous" title="Previous (P)" aria-label="Previous image" { "‹" }
                button type="button" name="next" title="Next (N)" aria-label="Next image" { "›" }
                button type="button" name="close" title="Close (Esc)" aria-label="Close" { "×" }
            }
            div.room {}
            footer {
                div.about { p.sizes {} p.facts {} p.note {} }
                div.urls {}
            }
        }
    }
}

fn nothing_here(listing: &Listing, settings: &Settings) -> Markup {
    let example = format!(
        "curl -H 'Accept: image/avif,image/webp' -o photo.avif \\\n  'http://{}/_next/image?url=%2Fphoto.jpg&w={}&q={}'",
        settings.address,
        settings.default_width(),
        settings.default_quality()
    );
    html! {
        section.empty {
            (PreEscaped(MARK))
            @if listing.folders.is_empty() {
                h1 { "No images in this folder yet" }
                p { "Put a few JPEG, PNG, WebP or AVIF files into it and reload, or serve another folder:" }
                pre { code { "cuttle serve ~/Pictures\nmake run DIR=~/Pictures   # from a checkout" } }
                p { "Programs ask for images like this:" }
                pre { code { (example) } }
            } @else {
                h1 { "No images right here" }
                p { "The folders above may have some." }
            }
        }
    }
}

fn footer(settings: &Settings) -> Markup {
    let workers = if settings.workers == 1 { "worker" } else { "workers" };
    html! {
        footer.bottom {
            @if settings.sandbox_complete {
                p { "Cuttle " (settings.version) " · " (settings.workers) " " (workers) " · codecs sandboxed" }
            } @else {
                p { "Cuttle " (settings.version) " · " (settings.workers) " " (workers) }
                p.warning role="note" {
                    strong { "The sandbox is not complete." }
                    " This system lacks a layer of it, so a hostile image could reach further than it should. "
                    code { "cuttle check" } " names the layer."
                }
            }
            noscript { p { "Without JavaScript the page shows the optimized images only, not the comparison." } }
        }
    }
}

/// `4.2 MB`: decimal units, one decimal below a hundred. `text.js` says the same of the renditions.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // What would round to 1000 belongs to the next unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = usize::from(value < 99.95);
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// `text` as the value of a query parameter: everything but RFC 3986 "unreserved" is escaped, so also the
/// comma and the space, which separate candidates in a `srcset`.
pub(super) fn query_value(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                value.push(char::from(byte));
            }
            _ => value.push_str(&format!("%{byte:02X}")),
        }
    }
    value
}
