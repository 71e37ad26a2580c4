//! What stands below the pictures: files that are not among them, what the addresses are, and what to do next.

use maud::{Markup, html};

use super::{Listing, Settings, Unshown};

/// So many are listed without a click.
const OPEN: usize = 6;
/// More would be a page of its own.
const MOST: usize = 100;

/// Files that look like pictures and have no card, each with the reason.
pub(super) fn unshown(listing: &Listing) -> Markup {
    let number = listing.unshown.len();
    let what = if number == 1 { "file is" } else { "files are" };
    html! {
        @if number > 0 {
            details.unshown open[number <= OPEN] {
                summary { (number) " " (what) " not shown" }
                ul {
                    @for Unshown { name, why } in listing.unshown.iter().take(MOST) {
                        li { bdi { (name) } span { (why) } }
                    }
                    @if number > MOST { li { span { "and " (number - MOST) " more" } } }
                }
            }
        }
    }
}

/// The two addresses, and the way from a folder to an app.
pub(super) fn guide(settings: &Settings) -> Markup {
    html! {
        section.guide aria-label="What next" {
            div {
                h2 { "Two addresses for each image" }
                dl {
                    dt { "Next.js" }
                    dd { code { "/_next/image" } " is what " code { "<Image>" } " of Next.js asks for. The browser’s Accept header decides the format." }
                    dt { "Strict" }
                    dd { code { (settings.prefix) "/image" } " is for your own loader or program. It can name the format (" code { "f=avif" } "), and it says exactly what is wrong with a request." }
                }
            }
            div {
                h2 { "Next step: your app" }
                p { "In the folder of your Next.js app, after " code { "next build" } " and while " code { "next start" } " runs:" }
                pre { code { "cuttle serve --next . --upstream http://127.0.0.1:3000" } }
                p { "Images then come from Cuttle and everything else from the app. " code { "cuttle check --next ." } " says what it understood." }
            }
        }
    }
}
